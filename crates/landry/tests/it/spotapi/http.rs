//! What REST does before and after an endpoint: paths, keys, signatures, limits, bodies.

use std::time::Duration;

use allin_landry::spotapi::SpotApiSection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

#[tokio::test]
async fn paths_and_methods() {
    let world = World::empty(SpotApiSection::default()).await;
    let rows = [
        ("GET", "/api/v3/ping", "200 {}"),
        ("GET", "/healthz", "200 {}"),
        ("GET", "/readyz", "200 {}"),
        ("GET", "/api/v3/nothing", r#"404 {"code":-1020,"msg":"Path not found."}"#),
        ("GET", "/api/v3/ping/", r#"404 {"code":-1020,"msg":"Path not found."}"#),
        ("GET", "/api/v3/%70ing", r#"404 {"code":-1020,"msg":"Path not found."}"#),
        ("POST", "/api/v3/ping", r#"405 {"code":-1020,"msg":"This operation is not supported."}"#),
        (
            "GET",
            "/api/v3/ping?x=1",
            r#"400 {"code":-1104,"msg":"Not all sent parameters were read; read '0' parameter(s) but was sent '1'."}"#,
        ),
    ];
    for (method, target, expected) in rows {
        assert_eq!(world.send(method, target, "", "").await.text(), expected, "{method} {target}");
    }
    let allowed = world.send("POST", "/api/v3/ping", "", "").await;
    assert_eq!(allowed.header("allow"), Some("get"));
}

#[tokio::test]
async fn time_units_and_weights() {
    let world = World::empty(SpotApiSection { weight_1m_max: 3, ..SpotApiSection::default() }).await;
    let first = world.get("/api/v3/time").await;
    assert_eq!(first.text(), r#"200 {"serverTime":1767323045000}"#);
    assert_eq!(first.header("x-mbx-used-weight-1m"), Some("1"));
    assert_eq!(first.header("content-type"), Some("application/json;charset=utf-8"));
    let head = "x-mbx-time-unit: microsecond\r\n";
    assert_eq!(world.send("GET", "/api/v3/time", head, "").await.text(), r#"200 {"serverTime":1767323045000000}"#);
    let wrong = world.send("GET", "/api/v3/time", "x-mbx-time-unit: hours\r\n", "").await;
    assert_eq!((wrong.status, wrong.json()["code"].as_i64()), (400, Some(-1194)));
    // Another client of the gateway has limits of its own; the word of a stranger would not count.
    let other = world.send("GET", "/api/v3/ping", "x-real-ip: 9.9.9.9\r\n", "").await;
    assert_eq!(other.header("x-mbx-used-weight-1m"), Some("1"));
    assert_eq!(world.get("/api/v3/ping").await.header("x-mbx-used-weight-1m"), Some("3"));
    let refused = world.get("/api/v3/ping").await;
    assert_eq!((refused.status, refused.json()["code"].as_i64()), (429, Some(-1003)));
    assert_eq!(refused.header("retry-after"), Some("55"));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_same_shape() {
    let world = World::empty(SpotApiSection::default()).await;
    let long = "x".repeat(70 << 10);
    let many: String = (0..200).map(|nth| format!("h{nth}: x\r\n")).collect();
    let rows = [
        ("no HTTP at all\r\n\r\n".to_owned(), 400),
        ("GET /api/v3/ping HTTP/1.1\r\nhost api\r\n\r\n".to_owned(), 400),
        ("GET /api/v3/ping HTTP/1.1\r\nhost: api\r\ncontent-length: x\r\n\r\n".to_owned(), 400),
        ("GET /api/v3/ping HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".to_owned(), 400),
        (format!("GET /api/v3/ping HTTP/1.1\r\nhost: api\r\n{many}\r\n"), 431),
        (format!("GET /api/v3/ping?{long} HTTP/1.1\r\nhost: api\r\n\r\n"), 414),
    ];
    for (request, status) in rows {
        let answered = world.raw(request.as_bytes()).await;
        let what = &request[..request.len().min(60)];
        assert!(answered.status == status || status == 414 && answered.status == 431, "{what}: {answered:?}");
        assert_eq!(answered.json()["code"], -1000, "{what}: {answered:?}");
        assert_eq!(answered.header("connection"), Some("close"), "{what}: {answered:?}");
    }
    // What was answered before on the same connection stays as it was.
    let two = "GET /api/v3/ping HTTP/1.1\r\nhost: api\r\n\r\nbroken\r\n\r\n";
    assert_eq!(world.raw(two.as_bytes()).await.text(), "200 {}");
}

/// Also without a gateway in front: where a request ends has one reading, or it is none (the gateway's test has more of them).
#[tokio::test]
async fn a_request_with_two_ends_is_refused() {
    let world = World::empty(SpotApiSection::default()).await;
    let chunks = "0\r\n\r\n";
    let rows = [
        ("transfer-encoding: chunked, chunked\r\n", chunks),
        ("transfer-encoding: gzip, chunked\r\n", chunks),
        ("transfer-encoding: identity\r\n", ""),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", chunks),
        ("transfer-encoding: chunked\r\ncontent-length: 5\r\n", chunks),
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", chunks),
        ("content-length: 1\r\ncontent-length: 1\r\n", "x"),
        ("content-length: +1\r\n", "x"),
        ("content-length : 1\r\n", "x"),
        ("x: a\r\n b\r\n", ""),
        ("x: a\n", ""),
        ("x: a\r\n\n", ""),
        ("transfer-encoding: chunked\r\n", "0\n\n"),
        ("transfer-encoding: chunked\r\n", "+0\r\n\r\n"),
    ];
    for (headers, body) in rows {
        let smuggled = "GET /api/v3/time HTTP/1.1\r\nhost: api\r\n\r\n";
        let request = format!("GET /api/v3/ping HTTP/1.1\r\nhost: api\r\n{headers}\r\n{body}{smuggled}");
        let mut stream = TcpStream::connect(world.address).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answers = Vec::new();
        let whole = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answers)).await;
        whole.expect("the connection ends").expect("in order");
        let answers = String::from_utf8(answers).expect("text");
        assert!(answers.starts_with("HTTP/1.1 400 ") && answers.contains("malformed"), "{headers:?}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{headers:?}: {answers}");
    }
    let fine = "GET /api/v3/ping HTTP/1.1\r\nhost: api\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(world.raw(fine.as_bytes()).await.text(), "200 {}");
}

/// Lists as they are documented, though no URI has a `"`.
#[tokio::test]
async fn lists_may_be_written_with_quotation_marks() {
    let world = World::new().await;
    let rows = [
        ("exchangeInfo", "symbols=[\"BTCUSDT\"]", 200),
        ("exchangeInfo", "permissions=[\"SPOT\"]", 200),
        ("ticker/price", "symbols=[\"BTCUSDT\"]", 200),
        ("ticker/price", "symbols=[\"BTCUSDT\",\"BTC\"]", 400),
    ];
    for (path, query, status) in rows {
        let raw = world.get(&format!("/api/v3/{path}?{query}")).await;
        let encoded = world.get(&format!("/api/v3/{path}?{}", query.replace('"', "%22"))).await;
        assert_eq!((raw.status, raw.text()), (status, encoded.text()), "{path} {query}");
    }
}

#[tokio::test]
async fn whoever_understands_sbe_alone_is_told_so() {
    let world = World::empty(SpotApiSection::default()).await;
    let refused = r#"406 {"code":-1020,"msg":"SBE is not enabled; only JSON is spoken here."}"#;
    let rows = [
        ("", "200 {}"),
        ("accept: application/sbe\r\n", refused),
        ("accept: Application/SBE;q=0.5\r\nx-mbx-sbe: 3:1\r\n", refused),
        ("accept: application/sbe, text/plain\r\n", refused),
        ("accept: application/sbe, application/json\r\n", "200 {}"),
        ("accept: application/json;q=0.1,application/sbe\r\n", "200 {}"),
        ("accept: application/sbe\r\naccept: application/json\r\n", "200 {}"),
        ("accept: application/sbe,*/*\r\n", "200 {}"),
        ("accept: application/json\r\nx-mbx-sbe: 3:1\r\n", "200 {}"),
        ("accept: text/html\r\n", "200 {}"),
        ("accept: application/sbextra\r\n", "200 {}"),
    ];
    for (head, expected) in rows {
        assert_eq!(world.send("GET", "/api/v3/ping", head, "").await.text(), expected, "{head}");
    }
}
