//! Sizes, waits, and the end.

use std::time::Duration;

use allin_edge::GatewaySection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{SPOTAPI, World, answer, config, read_message};

#[tokio::test]
async fn heads_and_bodies_have_bounds() {
    let world = World::with(GatewaySection { body_bytes_max: 10, header_bytes_max: 8192, ..config() }, None).await;
    let post = |head: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n{body}");
    let rows = [
        (post("Content-Length: 10", "0123456789"), 200),
        (post("Content-Length: 11", ""), 413),
        (post("Content-Length: 99999999999999999999999", ""), 400),
        (post("Transfer-Encoding: chunked", "5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n"), 200),
        (post("Transfer-Encoding: chunked", "b\r\n01234567890\r\n0\r\n\r\n"), 413),
        (post("Transfer-Encoding: chunked", "zz\r\n"), 400),
        (post(&format!("X-Long: {}", "x".repeat(9000)), ""), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(9000)), 431),
        (post("X-Many: 1\r\n".repeat(101).trim_end(), ""), 431),
    ];
    for (request, want) in rows {
        let got = world.public(&request).await;
        assert_eq!(got.status, want, "{:.80} {got:?}", request);
    }
}

#[tokio::test]
async fn the_slow_are_cut_off() {
    let config = GatewaySection { header_timeout_ms: 200, body_timeout_ms: 200, ..config() };
    let world = World::with(config, None).await;
    for start in ["", "G", "PRI * HTTP/2.0", "GET / HTTP/1.1\r\nHost: loc", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(world.public).await.expect("it listens");
        stream.write_all(start.as_bytes()).await.expect("open");
        let mut rest = Vec::new();
        // Hangs if the gateway does not close.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{start}");
    }
    let slow = world.public("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab").await;
    assert_eq!(slow.status, 408, "{slow:?}");
    // A connection that was used is closed when it idles.
    let mut stream = TcpStream::connect(world.public).await.expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("open");
    assert_eq!(answer(&read_message(&mut stream).await.0).status, 200);
    assert!(read_message(&mut stream).await.1);
}

#[tokio::test]
async fn connections_have_a_bound() {
    let world = World::with(GatewaySection { connections_max: 1, ..config() }, None).await;
    let mut first = TcpStream::connect(world.public).await.expect("it listens");
    first.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("open");
    assert_eq!(answer(&read_message(&mut first).await.0).status, 200);
    let second = world.get("localhost", "/").await;
    assert_eq!(second.status, 0, "{second:?}");
    drop(first);
    // The gateway learns of the end in its own time.
    while world.get("localhost", "/").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight() {
    let config = GatewaySection { upstream_timeout_ms: 500, ..config() };
    let world = World::with(config, None).await;
    let mut asking = TcpStream::connect(world.public).await.expect("it listens");
    asking.write_all(b"GET /silent HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("open");
    while world.services[SPOTAPI].seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let idle = TcpStream::connect(world.public).await.expect("it listens");
    let public = world.public;
    world.running.stop().await.expect("in order");
    assert_eq!(answer(&read_message(&mut asking).await.0).status, 504);
    drop(idle);
    assert!(TcpStream::connect(public).await.is_err());
}
