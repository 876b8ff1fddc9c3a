//! WebSocket: the handshake passes, and then bytes pass both ways.

use allin_edge::GatewaySection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{SPOTAPI, SPOTWS, World, answer, config, header};

const ASK: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: abc\r\nSec-WebSocket-Version: 13\r\n\r\n";

async fn open(world: &World, request: &str, first: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.public).await.expect("it listens");
    stream.write_all(format!("{request}{first}").as_bytes()).await.expect("open");
    stream
}

/// Reads until the text ends so; the rest of the head is in front of it.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        bytes.push(stream.read_u8().await.expect("more"));
    }
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn bytes_pass_both_ways_after_the_handshake() {
    let world = World::new().await;
    let rows = [
        ("api.allin.localhost", "/ws", SPOTWS),
        ("api.allin.localhost", "/echo/x", ""),
        ("ws.allin.localhost", "/ws", SPOTWS),
        ("localhost", "/ws", SPOTWS),
        ("127.0.0.1:1", "/ws-api/v3", SPOTAPI),
        ("ws.allin.localhost", "/ws-api/v3", SPOTAPI),
    ];
    for (host, path, service) in rows {
        // Bytes that come with the handshake are the next protocol's, and wait for it.
        let mut stream = open(&world, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{ASK}"), "early").await;
        if service.is_empty() {
            let got = answer(&read_until(&mut stream, SPOTAPI).await);
            assert_eq!(got.status, 200, "no WebSocket on this route");
            continue;
        }
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert_eq!((answer(&head).status, header(&head, "sec-websocket-accept")), (101, "abc"), "{head}");
        assert_eq!(header(&head, "upgrade"), "websocket");
        read_until(&mut stream, "helloearly").await;
        let big = "x".repeat(300_000);
        let (mut read, mut write) = stream.split();
        let sent = async { write.write_all(big.as_bytes()).await.expect("open") };
        let mut back = vec![0; big.len()];
        let got = async { read.read_exact(&mut back).await.expect("all of it") };
        tokio::join!(sent, got);
        assert_eq!(back, big.as_bytes());
        let seen = world.last(service);
        assert_eq!((header(&seen, "x-real-ip"), header(&seen, "sec-websocket-key")), ("127.0.0.1", "abc"));
        write.shutdown().await.expect("open");
        assert_eq!(read.read(&mut back).await.expect("an end"), 0);
    }
}

#[tokio::test]
async fn a_malformed_upgrade_goes_nowhere() {
    let world = World::new().await;
    let rows = [
        (format!("POST /ws HTTP/1.1\r\nHost: localhost\r\n{ASK}"), 400),
        (format!("GET /ws HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n{ASK}abc"), 400),
        (format!("GET /internal/ws HTTP/1.1\r\nHost: localhost\r\n{ASK}"), 404),
        (format!("GET /ws HTTP/1.1\r\nHost: x.aie.localhost\r\n{ASK}"), 404),
        (format!("GET /ws/../ws HTTP/1.1\r\nHost: localhost\r\n{ASK}"), 400),
    ];
    for (request, want) in rows {
        assert_eq!(world.public(&request).await.status, want, "{request:?}");
    }
    assert_eq!(world.seen(), 0);
    // Asked for without the words that make it one, it is a request like any other, without its hop's headers.
    let plain = world.public("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!((plain.status, header(&world.last(SPOTWS), "upgrade")), (200, ""));
}

#[tokio::test]
async fn a_tunnel_ends_when_it_idles_and_when_the_gateway_stops() {
    let world = World::with(GatewaySection { tunnel_idle_s: 1, ..config() }, None).await;
    let mut idle = open(&world, &format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{ASK}"), "").await;
    read_until(&mut idle, "hello").await;
    assert!(idle.read_u8().await.is_err());
    let world = World::new().await;
    let mut open = open(&world, &format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{ASK}"), "").await;
    read_until(&mut open, "hello").await;
    world.running.stop().await.expect("in order");
    assert!(open.read_u8().await.is_err());
}
