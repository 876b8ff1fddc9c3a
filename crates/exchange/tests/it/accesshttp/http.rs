//! What HTTP can do wrong: every refusal has the protocol's error object, and none is a 5xx.

use std::time::Duration;

use allin_exchange::accesshttp::Config;
use expect_test::expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{World, read};

const ASSETS: &str = r#"{"id":1,"method":"asset.list","params":[]}"#;

fn head(line: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{line}\r\nHost: a\r\n");
    headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}

#[tokio::test]
async fn only_the_token_opens() {
    let world = World::new().await;
    let token = world.token.header();
    let short = &token[..token.len() - 1];
    let wrong = format!("{short}{}", if token.ends_with('0') { '1' } else { '0' });
    let basic = token.replace("Bearer", "Basic");
    let unauthorised = r#"{"error":{"code":6,"message":"require authentication"},"result":null,"id":null}"#;
    let rows: [&[(&str, &str)]; 8] = [
        &[],
        &[("Authorization", "")],
        &[("Authorization", "Bearer ")],
        &[("Authorization", &wrong)],
        &[("Authorization", short)],
        &[("Authorization", &basic)],
        &[("Authorization", &token), ("Authorization", &token)],
        &[("Authorization", &wrong), ("Authorization", &token)],
    ];
    for row in rows {
        // Whatever else is wrong: who is not known learns nothing.
        for line in ["POST / HTTP/1.1", "GET / HTTP/1.1", "POST /else HTTP/1.1"] {
            let answered = world.raw(&head(line, row, ASSETS)).await;
            assert_eq!((answered.status, &*answered.body), (401, unauthorised), "{line} {row:?}");
            assert!(answered.head.contains("www-authenticate: bearer"), "{}", answered.head);
        }
    }
    let lower = token.replace("Bearer", "bearer");
    assert_eq!(world.raw(&head("POST / HTTP/1.1", &[("Authorization", &lower)], ASSETS)).await.status, 200);
}

#[tokio::test]
async fn paths_methods_and_types() {
    let world = World::new().await;
    let token = world.token.header();
    let json = ("Content-Type", "application/json");
    let rows = [
        ("POST / HTTP/1.1", vec![json], 200),
        ("POST / HTTP/1.1", vec![], 200),
        ("POST /?a=b HTTP/1.1", vec![json], 200),
        ("POST / HTTP/1.1", vec![("Content-Type", "Application/JSON; charset=\"UTF-8\"")], 200),
        ("POST / HTTP/1.1", vec![("Content-Type", "application/json; charset=latin1")], 415),
        ("POST / HTTP/1.1", vec![("Content-Type", "application/x-www-form-urlencoded")], 415),
        ("POST / HTTP/1.1", vec![("Content-Type", "text/plain")], 415),
        ("POST / HTTP/1.1", vec![("Content-Type", "")], 415),
        ("POST / HTTP/1.1", vec![json, json], 415),
        ("PUT / HTTP/1.1", vec![json], 405),
        ("GET / HTTP/1.1", vec![json], 405),
        ("DELETE / HTTP/1.1", vec![json], 405),
        ("POST /healthz HTTP/1.1", vec![json], 404),
        ("POST /order HTTP/1.1", vec![json], 404),
        ("POST // HTTP/1.1", vec![json], 404),
        ("POST /%2f HTTP/1.1", vec![json], 404),
        ("POST /../ HTTP/1.1", vec![json], 404),
    ];
    for (line, mut headers, status) in rows {
        headers.push(("Authorization", &token));
        let answered = world.raw(&head(line, &headers, ASSETS)).await;
        assert_eq!(answered.status, status, "{line} {headers:?}");
        let code = match status {
            200 => r#"{"error":null,"#,
            404 => r#"{"error":{"code":4,"message":"method not found"},"result":null,"id":null}"#,
            _ => r#"{"error":{"code":1,"message":"invalid argument"},"result":null,"id":null}"#,
        };
        assert!(answered.body.starts_with(code), "{line} {headers:?} {}", answered.body);
        assert!(answered.head.contains("content-type: application/json"), "{}", answered.head);
    }
}

#[tokio::test]
async fn bodies_that_are_no_requests() {
    let world = World::new().await;
    let deep = format!(r#"{{"id":1,"method":"asset.list","params":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let rows: [&[u8]; 12] = [
        b"",
        b"null",
        b"{",
        b"[]",
        br#"[{"id":1,"method":"asset.list","params":[]}]"#,
        br#"{"id":1,"id":1,"method":"asset.list","params":[]}"#,
        br#"{"id":1,"method":"asset.list","params":[{"a":1,"a":1}]}"#,
        br#"{"id":"1","method":"asset.list","params":[]}"#,
        br#"{"id":1,"method":"asset.list","params":null}"#,
        b"{\"id\":1,\"method\":\"asset.list\xff\",\"params\":[]}",
        br#"{"id":1,"method":"asset.list","params":[1e999]}"#,
        deep.as_bytes(),
    ];
    for row in rows {
        let answered = world.send(row).await;
        let body = r#"{"error":{"code":1,"message":"invalid argument"},"result":null,"id":null}"#;
        assert_eq!(
            (answered.status, &*answered.body),
            (400, body),
            "{}",
            String::from_utf8_lossy(&row[..row.len().min(60)])
        );
    }
    let unknown = world.send(r#"{"id":-7,"method":"order.put","params":[]}"#).await;
    expect![[r#"404 {"error":{"code":4,"message":"method not found"},"result":null,"id":-7}"#]]
        .assert_eq(&format!("{} {}", unknown.status, unknown.body));
    let huge = format!(r#"{{"id":1,"method":"{}","params":[]}}"#, "x".repeat(60_000));
    assert_eq!(world.send(huge).await.status, 404);
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let world = World::new().await;
    let refused = r#"{"error":{"code":1,"message":"invalid argument"},"result":null,"id":null}"#;
    for bytes in [(64 << 10) + 1, 900_000] {
        let answered = world.send(vec![b' '; bytes]).await;
        assert_eq!((answered.status, &*answered.body), (413, refused), "{bytes}");
    }
    let fits = format!("{ASSETS}{}", " ".repeat((64 << 10) - ASSETS.len()));
    assert_eq!(world.send(fits).await.status, 200);
    // A length that nobody believes, and one that is not told.
    let lie = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n",
        world.token.header()
    );
    assert_eq!(world.raw(lie.as_bytes()).await.status, 413);
    let mut chunked = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        world.token.header()
    )
    .into_bytes();
    for _ in 0..70 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b' '; 1024]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(world.raw(&chunked).await.status, 413);
}

#[tokio::test]
async fn heads_that_are_too_large_or_no_http() {
    let world = World::new().await;
    let many: String = (0..100).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(100_000));
    for headers in [many, long] {
        let answered = world.raw(format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n").as_bytes()).await;
        assert!(matches!(answered.status, 0 | 400 | 431), "{answered:?}");
    }
    for junk in [&b"hello\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00", b"POST / HTTP/9.9\r\n\r\n"] {
        let answered = world.raw(junk).await;
        assert!(matches!(answered.status, 0 | 400), "{answered:?}");
    }
    assert_eq!(world.send(ASSETS).await.status, 200);
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let config = Config { header_timeout_ms: 300, body_timeout_ms: 300, ..Config::default() };
    let world = World::with(config).await;
    let mut idle = world.connect().await;
    let mut head = world.connect().await;
    head.write_all(b"POST / HTTP/1.1\r\nHost: ").await.expect("sends");
    let mut body = world.connect().await;
    let request = world.request(ASSETS.as_bytes());
    body.write_all(&request[..request.len() - 1]).await.expect("sends");
    let answered = read(&mut body).await;
    assert_eq!(answered.status, 408, "{answered:?}");
    for stream in [&mut idle, &mut head] {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "the connection is still open");
    }
}

#[tokio::test]
async fn connections_are_kept_and_may_pipeline() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    for _ in 0..3 {
        stream.write_all(&world.request(ASSETS.as_bytes())).await.expect("sends");
        assert_eq!(read(&mut stream).await.status, 200);
    }
    let two = [world.request(ASSETS.as_bytes()), world.request(b"{}")].concat();
    stream.write_all(&two).await.expect("sends");
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while text.matches("HTTP/1.1").count() < 2 || !text.ends_with("\"id\":null}") {
        let taken = stream.read(&mut bytes).await.expect("reads");
        assert_ne!(taken, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..taken]));
    }
    assert!(text.contains("200 OK") && text.contains("400 Bad Request"), "{text}");
}

#[tokio::test]
async fn health_needs_no_token() {
    let world = World::new().await;
    for (path, want) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answered = world.raw(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await;
        assert_eq!((answered.status, &*answered.body), (200, want));
    }
    let answered = world.raw(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answered.status, 200);
    assert!(answered.head.contains("content-type: text/plain"), "{}", answered.head);
}
