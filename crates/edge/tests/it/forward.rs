//! What a service gets to see, and what a client gets back.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::world::{GONE, SPOTAPI, World, answer, header, read_message};

/// Signatures are over these bytes.
#[tokio::test]
async fn path_query_and_body_are_forwarded_byte_by_byte() {
    let world = World::new().await;
    let targets = [
        "/api/v3/order",
        "/api/v3/order/",
        "/api/v3/order?",
        "/?",
        "/api/v3/order?symbol=BTCUSDT&b=%2F%2f%41&c=a+b&&=&d=/../..//;x&signature=AB%3d%3D",
        "/api/v3/exchangeInfo?symbols=[%22BTCUSDT%22,%22ETHUSDT%22]",
        "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D",
        "/api/v3/klines?x=%zz%",
        "/api/v3/a:b@c,d=e!$&'()*+~_-.",
        "/api/v3/%C3%A9",
        "/api/v3/x?\u{e9}",
    ];
    for target in targets {
        let got = world.get("api.allin.localhost", target).await;
        assert_eq!(got.status, 200, "{target}");
        let line = world.last(SPOTAPI).lines().next().unwrap_or_default().to_owned();
        assert_eq!(line, format!("GET {target} HTTP/1.1"));
    }
    let body = "symbol=BTCUSDT&quantity=1%2e0&x= \u{0}\t{\"a\":1}";
    for method in ["POST", "PUT", "DELETE", "PATCH", "GET"] {
        let request = format!(
            "{method} /api/v3/order HTTP/1.1\r\nHost: api.allin.localhost\r\nContent-Type: application/json\r\nX-MBX-APIKEY: kEy\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(world.public(&request).await.status, 200, "{method}");
        let seen = world.last(SPOTAPI);
        let (head, sent) = seen.split_once("\r\n\r\n").expect("a head");
        assert_eq!(sent, body, "{method}");
        let headers = ["x-mbx-apikey", "content-type", "content-length"].map(|name| header(head, name).to_owned());
        assert_eq!(headers, ["kEy", "application/json", &body.len().to_string()]);
    }
    let chunked = "POST /api/v3/order HTTP/1.1\r\nHost: api.allin.localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n";
    assert_eq!(world.public(chunked).await.status, 200);
    let seen = world.last(SPOTAPI);
    let sent: String = seen.split_once("\r\n\r\n").expect("a head").1.split("\r\n").skip(1).step_by(2).collect();
    assert_eq!(sent, "a=1&b=2");
}

#[tokio::test]
async fn the_client_cannot_say_who_it_is() {
    let world = World::new().await;
    let request = "GET /api/v3/ping HTTP/1.1\r\nHost: api.allin.localhost:8080\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n\
        X-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\n\
        Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: x\r\nTE: trailers\r\n\
        Upgrade: h2c\r\nX-Request-Id: bad id\r\nX-Kept: 1\r\n\r\n";
    let got = world.public(request).await;
    assert_eq!(got.status, 200);
    let seen = world.last(SPOTAPI);
    for gone in [
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-secret",
        "keep-alive",
        "proxy-authorization",
        "te",
        "upgrade",
        "connection",
    ] {
        assert_eq!(header(&seen, gone), "", "{gone}");
    }
    let rows = [
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("host", "api.allin.localhost:8080"),
        ("x-kept", "1"),
    ];
    for (name, want) in rows {
        assert_eq!(header(&seen, name), want, "{name}");
        assert_eq!(seen.to_lowercase().matches(&format!("\r\n{name}:")).count(), 1, "{name}");
    }
    let id = header(&seen, "x-request-id");
    assert!(id.len() == 32 && id == got.header("x-request-id"), "{id}");
    let kept = world.public("GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine-1\r\n\r\n").await;
    assert_eq!((kept.header("x-request-id"), header(&world.last(SPOTAPI), "x-request-id")), ("mine-1", "mine-1"));
    assert_eq!(kept.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn answers_come_as_they_are_but_for_their_hop() {
    let world = World::new().await;
    let hop = world.get("localhost", "/hop").await;
    assert_eq!((hop.status, hop.header("x-mine"), hop.header("keep-alive"), hop.header("x-kept")), (200, "", "", "1"));
    let chunks = world.get("localhost", "/chunks").await;
    assert_eq!((chunks.status, chunks.body.as_str()), (201, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn what_fails_behind_is_told_and_never_tried_again() {
    let config = allin_edge::GatewaySection { upstream_timeout_ms: 300, ..crate::world::config() };
    let world = World::with(config, None).await;
    let broker = world.get("brokerserver.allin.localhost", "/").await;
    assert!(broker.status == 503 && broker.body.contains("-1001"), "{GONE}: {broker:?}");
    assert!(world.get("www.allin.localhost", "/").await.body.contains("-1001"));
    for (path, status, code) in [("/silent", 504, "-1007"), ("/close", 502, "-1006")] {
        // Once over a new connection and once over a kept one.
        for _ in 0..2 {
            assert_eq!(world.get("localhost", "/api").await.status, 200);
            let before = world.seen();
            let got =
                world.public(&format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")).await;
            assert!(got.status == status && got.body.contains(code), "{path}: {got:?}");
            assert_eq!(world.seen() - before, 1, "{path} was sent once");
        }
    }
}

/// Two lengths, or a length that is none, would let one request hide inside another.
#[tokio::test]
async fn a_request_has_one_length() {
    let world = World::new().await;
    let rows = [
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: 3, 4\r\n\r\nabcd",
        "Transfer-Encoding: gzip\r\n\r\nabc",
        "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "Content-Length : 3\r\n\r\nabc",
    ];
    for rest in rows {
        let got = world.public(&format!("POST / HTTP/1.1\r\nHost: localhost\r\n{rest}")).await;
        assert_eq!((got.status, world.seen()), (400, 0), "{rest:?}");
    }
    // Where both are there, chunks rule (RFC 9112, 6.3) and the length goes no further.
    let both = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n";
    let got = world.public(both).await;
    if got.status == 200 {
        let seen = world.last(SPOTAPI);
        assert!(header(&seen, "content-length").is_empty() && seen.contains("abcde"), "{seen}");
    } else {
        assert_eq!(got.status, 400);
    }
}

#[tokio::test]
async fn requests_of_one_connection_are_answered_in_turn() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.public).await.expect("it listens");
    for (host, want) in [("localhost", 200), ("x.aie.localhost", 404), ("localhost", 200)] {
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.expect("open");
        let (text, ended) = read_message(&mut stream).await;
        assert_eq!((answer(&text).status, ended), (want, false));
    }
}
