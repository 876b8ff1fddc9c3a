//! quality.md's row "paths and hosts": every spelling, as raw bytes over HTTP/1 and over HTTP/2.

use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::world::{ACCESSHTTP, SPOTAPI, SPOTWS, USERSERVER, World, answer, read_message};

const SPOT: Want = Want::Service(SPOTAPI);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Service(&'static str),
    Status(u16),
}

async fn check(world: &World, public: bool, request: &str, want: Want) {
    let before = world.seen();
    let answer = if public { world.public(request).await } else { world.internal(request).await };
    let got = match answer.status {
        200 => Want::Service(
            [SPOTAPI, SPOTWS, USERSERVER, ACCESSHTTP].into_iter().find(|name| answer.body == *name).unwrap_or("?"),
        ),
        status => Want::Status(status),
    };
    assert_eq!(got, want, "{request:?} {answer:?}");
    // What is refused is not forwarded.
    assert_eq!(world.seen() - before, usize::from(matches!(want, Want::Service(_))), "{request:?}");
    if matches!(got, Want::Status(_)) && !answer.body.is_empty() {
        assert!(answer.body.starts_with("{\"code\":-1") && answer.body.contains("\"msg\":\""), "{answer:?}");
    }
}

#[tokio::test]
async fn a_host_is_known_in_every_spelling_and_an_internal_one_in_none() {
    let world = World::new().await;
    let internal = [
        "landry-ces-accesshttp.aie.localhost",
        "LANDRY-CES-ACCESSHTTP.AIE.LOCALHOST",
        "landry-ces-accesshttp.aie.localhost.",
        "landry-ces-accesshttp.aie.localhost:8080",
        "Landry-ces-accesshttp.aie.localhost.:8080",
        "x.aie.localhost",
        "mackerel.aie.localhost",
        "a.b.c.aie.localhost",
        "aie.localhost",
    ];
    for host in internal {
        let forms = [
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("GET https://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("GET http://{host}/ HTTP/1.0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}"),
            format!(
                "GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: api.allin.localhost\r\nForwarded: host=api.allin.localhost\r\n\r\n"
            ),
        ];
        for form in &forms {
            check(&world, true, form, Want::Status(404)).await;
        }
    }
    let rows = [
        ("api.allin.localhost", SPOT),
        ("API.Allin.Localhost", SPOT),
        ("api.allin.localhost.", SPOT),
        ("api.allin.localhost:1", SPOT),
        ("api.alias.localhost", SPOT),
        ("127.0.0.1:8080", SPOT),
        ("localhost", SPOT),
        ("LOCALHOST.:99", SPOT),
        ("[::1]:8080", SPOT),
        ("10.1.2.3", SPOT),
        ("user.allin.localhost", Want::Service(USERSERVER)),
        ("www.allin.localhost", Want::Status(503)),
        ("nobody.allin.localhost", Want::Status(404)),
        ("allin.localhost", Want::Status(404)),
        ("api.allin.localhost.evil.test", Want::Status(404)),
        ("xapi.allin.localhost", Want::Status(404)),
        ("landry-ces-accesshttp", Want::Status(404)),
        ("landry-ces-accesshttp.landry.svc.cluster.local", Want::Status(404)),
        ("api.allin.localhost..", Want::Status(400)),
        ("api..allin.localhost", Want::Status(400)),
        ("api.allin.localhost:x", Want::Status(400)),
        ("user@api.allin.localhost", Want::Status(400)),
        ("api.allin.localhost/x", Want::Status(400)),
        ("api%2eallin.localhost", Want::Status(400)),
        ("api.allin.localhost, x.aie.localhost", Want::Status(400)),
        ("", Want::Status(400)),
    ];
    for (host, want) in rows {
        check(&world, true, &format!("GET /api/v3/ping HTTP/1.1\r\nHost: {host}\r\n\r\n"), want).await;
    }
}

#[tokio::test]
async fn a_host_is_said_once_or_alike() {
    let world = World::new().await;
    let rows = [
        ("GET / HTTP/1.1\r\n\r\n", Want::Status(400)),
        ("GET / HTTP/1.0\r\n\r\n", Want::Status(400)),
        ("GET / HTTP/1.1\r\nHost: api.allin.localhost\r\nHost: api.allin.localhost\r\n\r\n", Want::Status(400)),
        ("GET / HTTP/1.1\r\nHost: api.allin.localhost\r\nHost: x.aie.localhost\r\n\r\n", Want::Status(400)),
        ("GET http://api.allin.localhost/ HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", SPOT),
        ("GET http://api.allin.localhost/ HTTP/1.1\r\nHost: API.allin.localhost.\r\n\r\n", SPOT),
        ("GET http://x.aie.localhost/ HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", Want::Status(400)),
        ("GET http://api.allin.localhost/ HTTP/1.1\r\nHost: x.aie.localhost\r\n\r\n", Want::Status(400)),
        ("GET http://api.allin.localhost:1/ HTTP/1.1\r\nHost: api.allin.localhost:2\r\n\r\n", Want::Status(400)),
        ("GET http://a@x.aie.localhost/ HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", Want::Status(400)),
        ("CONNECT x.aie.localhost:80 HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", Want::Status(405)),
        ("CONNECT api.allin.localhost:80 HTTP/1.1\r\nHost: api.allin.localhost:80\r\n\r\n", Want::Status(405)),
        ("TRACE / HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", Want::Status(405)),
        ("OPTIONS * HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", Want::Status(400)),
        ("GET http://api.allin.localhost HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", SPOT),
        ("GET http://api.allin.localhost?x HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n", Want::Status(400)),
    ];
    for (request, want) in rows {
        check(&world, true, request, want).await;
    }
}

#[tokio::test]
async fn the_internal_side_serves_internal_hosts_only() {
    let world = World::new().await;
    let rows = [
        ("landry-ces-accesshttp.aie.localhost", "/", Want::Service(ACCESSHTTP)),
        ("LANDRY-ces-accesshttp.aie.localhost.:1", "/", Want::Service(ACCESSHTTP)),
        ("landry-userserver-web.aie.localhost", "/internal/v1/users", Want::Service(USERSERVER)),
        ("landry-anemone-web.aie.localhost", "/", Want::Status(503)),
        ("anything.aie.localhost", "/", Want::Status(503)),
        ("mackerel.aie.localhost", "/api/x", Want::Status(503)),
        ("api.allin.localhost", "/api/v3/ping", Want::Status(404)),
        ("127.0.0.1", "/api/v3/ping", Want::Status(404)),
        ("landry-ces-accesshttp.aie.localhost", "/../", Want::Status(400)),
        ("xaie.localhost", "/", Want::Status(404)),
    ];
    for (host, path, want) in rows {
        check(&world, false, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"), want).await;
    }
    let metrics = world.internal("GET /apisix/prometheus/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
    assert_eq!((metrics.status, metrics.body.as_str()), (200, "a_series 1\n"));
    let public = world.get("127.0.0.1", "/apisix/prometheus/metrics").await;
    assert_eq!(public.body, SPOTAPI, "on the public side it is a path like any other");
}

/// Paths, and where they lead at the API's host.
const PATHS: [(&str, Want); 44] = [
    ("/", SPOT),
    ("/api/v3/order?symbol=BTCUSDT", SPOT),
    ("/api/v3/x?a=../..;%2e%2e%zz//", SPOT),
    ("/sapi/v1/capital/config/getall", SPOT),
    ("/ws-api/v3", SPOT),
    ("/ws", Want::Service(SPOTWS)),
    ("/ws/btcusdt@trade", Want::Service(SPOTWS)),
    ("/stream?streams=a/b", Want::Service(SPOTWS)),
    ("/wsx", SPOT),
    ("/futuresopen/fapi/v1/ping", Want::Status(503)),
    ("/futuresopen/../api/v3/ping", Want::Status(400)),
    ("/futuresopen/..", Want::Status(400)),
    ("/futuresopen/./x", Want::Status(400)),
    ("/api/../futuresopen/x", Want::Status(400)),
    ("/futuresopen/%2e%2e/api", Want::Status(400)),
    ("/futuresopen/%2E%2E/api", Want::Status(400)),
    ("/futuresopen/.%2e/api", Want::Status(400)),
    ("/futuresopen/%252e%252e/api", Want::Status(400)),
    ("/futuresopen/..;/api", Want::Status(400)),
    ("/futuresopen/..%3B/api", Want::Status(400)),
    ("/futuresopen;x=1/api", Want::Status(400)),
    ("//futuresopen/x", Want::Status(400)),
    ("/api//v3/ping", Want::Status(400)),
    ("/api%2fv3", Want::Status(400)),
    ("/api%2Fv3", Want::Status(400)),
    ("/api%5cv3", Want::Status(400)),
    ("/api\\v3", Want::Status(400)),
    ("\\api", Want::Status(400)),
    ("/..\\api", Want::Status(400)),
    ("/%61pi/v3/ping", Want::Status(400)),
    ("/api/v3/%00", Want::Status(400)),
    ("/api/v3/%", Want::Status(400)),
    ("/api/v3/%g0", Want::Status(400)),
    ("/api/v3/%0d%0a", Want::Status(400)),
    ("/api/v3/%C0%AE%C0%AE/", Want::Status(400)),
    ("/internal", Want::Status(404)),
    ("/internal/", Want::Status(404)),
    ("/internal/v1/users", Want::Status(404)),
    ("/INTERNAL/v1/users", Want::Status(404)),
    ("/%69nternal/v1/users", Want::Status(400)),
    ("/./internal/v1/users", Want::Status(400)),
    ("//internal/v1/users", Want::Status(400)),
    ("/internal%2fv1", Want::Status(400)),
    ("/x/../internal/v1", Want::Status(400)),
];

#[tokio::test]
async fn a_path_that_changes_under_normalisation_is_refused() {
    let world = World::new().await;
    for (path, want) in PATHS {
        check(&world, true, &format!("GET {path} HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n"), want).await;
    }
    for (path, want) in PATHS.into_iter().filter(|(path, _)| path.starts_with('/')) {
        check(
            &world,
            true,
            &format!("GET http://api.allin.localhost{path} HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n"),
            want,
        )
        .await;
    }
    // At the users' host too: their service has paths of that name.
    check(&world, true, "GET /internal/v1/users HTTP/1.1\r\nHost: user.allin.localhost\r\n\r\n", Want::Status(404))
        .await;
    check(&world, true, "GET /internals HTTP/1.1\r\nHost: user.allin.localhost\r\n\r\n", Want::Service(USERSERVER))
        .await;
}

#[tokio::test]
async fn http_2_is_held_to_the_same() {
    let world = World::new().await;
    let stream = TcpStream::connect(world.public).await.expect("it listens");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2 without TLS");
    tokio::spawn(connection);
    let rows = [
        ("api.allin.localhost", None, "/api/v3/ping", 200),
        ("API.allin.localhost.:443", None, "/api/v3/ping", 200),
        ("api.allin.localhost", Some("api.allin.localhost"), "/api/v3/ping", 200),
        ("api.allin.localhost", Some("x.aie.localhost"), "/api/v3/ping", 400),
        ("x.aie.localhost", Some("api.allin.localhost"), "/api/v3/ping", 400),
        ("landry-ces-accesshttp.aie.localhost", None, "/", 404),
        ("Landry-Ces-Accesshttp.Aie.Localhost.:443", None, "/", 404),
        ("nobody.test", None, "/", 404),
        ("api.allin.localhost", None, "/futuresopen/../x", 400),
        ("api.allin.localhost", None, "//", 400),
        ("api.allin.localhost", None, "/%2e%2e/", 400),
        ("api.allin.localhost", None, "/a;b", 400),
        ("api.allin.localhost", None, "/a\\b", 400),
        ("api.allin.localhost", None, "/internal/x", 404),
    ];
    for (authority, host, path, want) in rows {
        let mut request = Request::get(format!("http://{authority}{path}"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status().as_u16(), want, "{authority} {host:?} {path}");
    }
    assert_eq!(crate::world::header(&world.last(SPOTAPI), "host"), "api.allin.localhost");
}

#[tokio::test]
async fn a_quotation_mark_in_a_query_is_forwarded_escaped_and_a_body_as_it_is() {
    let world = World::new().await;
    let get = "GET /a?b=[\"B\",\"C\"] HTTP/1.1\r\nHost: api.allin.localhost\r\n\r\n";
    let body = "d=\"e\"&f=?\"g\"";
    let post =
        format!("POST /a?b=\" HTTP/1.1\r\nHost: api.allin.localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let rows = [
        (get, 200, "GET /a?b=[%22B%22,%22C%22] HTTP/1.1\r\n", ""),
        (get, 200, "GET /a?b=[%22B%22,%22C%22] HTTP/1.1\r\n", ""),
        (post.as_str(), 200, "POST /a?b=%22 HTTP/1.1\r\n", body),
        (get, 200, "GET /a?b=[%22B%22,%22C%22] HTTP/1.1\r\n", ""),
    ];
    let mut stream = TcpStream::connect(world.public).await.expect("it listens");
    for (request, status, line, body) in rows {
        stream.write_all(request.as_bytes()).await.expect("it takes the request");
        let told = answer(&read_message(&mut stream).await.0);
        let seen = world.last(SPOTAPI);
        assert_eq!(told.status, status, "{request} {told:?}");
        assert!(seen.starts_with(line) && seen.ends_with(&format!("\r\n\r\n{body}")), "{request} {seen}");
    }
}
