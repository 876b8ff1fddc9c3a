//! The gateway hands requests to services of its own process: whoever asks cannot tell it from a connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::crash::node::{Node, Place};

fn up(inside: bool) -> (Place, Node, String) {
    let mut place = Place::new();
    place.arguments = ["--set", &format!("gateway.inside={inside}")].map(str::to_owned).to_vec();
    let node = place.start();
    let public = place.run_file()["public"].as_str().expect("an address").to_owned();
    (place, node, public)
}

/// The whole answer, but for what differs from one second to the next and from one request to the next.
fn ask(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(bytes).expect("open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let changes = ["date:", "x-request-id:"];
    let mut lines: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !changes.iter().any(|name| line.to_ascii_lowercase().starts_with(name)))
        .collect();
    lines[1..].sort_unstable();
    format!("{}\n\n{body}", lines.join("\n"))
}

fn minute() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() / 60
}

fn weightless(answer: &str) -> Vec<&str> {
    answer.lines().filter(|line| !line.starts_with("x-mbx-used-weight")).collect()
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n{body}").into_bytes()
}

#[test]
fn an_answer_is_the_same_with_a_connection_and_without() {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    // Less than services take from the wire of a body that they refuse.
    let (large, key) = ("x".repeat(512 << 10), "k".repeat(64));
    let signed = format!("symbol=BTCUSDT&timestamp=1&signature={}", "0".repeat(64));
    let sized = |body: &str| format!("{form}Content-Length: {}\r\n", body.len());
    let rows = [
        ("ping", request("GET /api/v3/ping", "", ""), "HTTP/1.1 200"),
        ("no body for HEAD", request("HEAD /api/v3/exchangeInfo", "", ""), "HTTP/1.1 "),
        ("no such path", request("GET /api/v3/nothing", "", ""), "HTTP/1.1 404"),
        ("another method", request("PATCH /api/v3/order", "", ""), "HTTP/1.1 405"),
        ("no such symbol", request("GET /api/v3/depth?symbol=NONE", "", ""), "HTTP/1.1 400"),
        ("no key", request("POST /api/v3/order", &sized("a=1"), "a=1"), "HTTP/1.1 401"),
        (
            "no such key",
            request("POST /api/v3/order", &format!("{}X-MBX-APIKEY: {key}\r\n", sized(&signed)), &signed),
            "HTTP/1.1 401",
        ),
        (
            "no UTF-8",
            [request("POST /api/v3/order", &format!("{form}Content-Length: 3\r\n"), ""), b"a=\xff".to_vec()].concat(),
            "HTTP/1.1 400",
        ),
        ("a large body", request("POST /api/v3/order", &sized(&large), &large), "HTTP/1.1 413"),
        (
            "a body in chunks",
            request("POST /api/v3/order", &format!("{form}Transfer-Encoding: chunked\r\n"), "3\r\na=1\r\n0\r\n\r\n"),
            "HTTP/1.1 401",
        ),
        (
            "broken chunks",
            request("POST /api/v3/order", &format!("{form}Transfer-Encoding: chunked\r\n"), "zz\r\na=1\r\n"),
            "HTTP/1.1 400",
        ),
        ("no upgrade", request("GET /ws-api/v3", "", ""), "HTTP/1.1 426"),
        ("metrics are not public", request("GET /metrics", "", ""), "HTTP/1.1 404"),
        ("health is not public", request("GET /readyz", "", ""), "HTTP/1.1 "),
        ("a time unit", request("GET /api/v3/exchangeInfo", "X-MBX-TIME-UNIT: CENTURY\r\n", ""), "HTTP/1.1 400"),
    ];
    let (_with, with_node, with) = up(true);
    let (_without, without_node, without) = up(false);
    let begun = minute();
    for (what, bytes, begin) in rows {
        let (answer, other) = (ask(&with, &bytes), ask(&without, &bytes));
        match minute() == begun {
            true => assert_eq!(answer, other, "{what}"),
            // They began to count weight anew, each at a moment of its own.
            false => assert_eq!(weightless(&answer), weightless(&other), "{what}"),
        }
        assert!(answer.starts_with(begin), "{what}: {answer}");
        if begin.ends_with("404") {
            assert!(answer.contains("\n\n{\"code\":-1020,\"msg\":"), "{what}: {answer}");
        }
    }
    drop((with_node, without_node));
}
