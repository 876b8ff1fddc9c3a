//! `allin health`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use crate::{allin, stderr, stdout};

#[test]
fn ready_is_who_says_so() {
    let rows = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n", true, "ready\n"),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\n{}\r\n", false, "{}\n"),
        ("HTTP/1.1 404 Not Found\r\n\r\n200", false, "200\n"),
        ("", false, "\n"),
    ];
    for (answer, ready, shown) in rows {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut asked = [0; 512];
            let length = stream.read(&mut asked).expect("a request");
            stream.write_all(answer.as_bytes()).expect("it reads");
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        let output = allin(Path::new("."), &["health", &address]);
        assert_eq!((output.status.success(), stdout(&output)), (ready, shown), "{answer:?}");
        let asked = served.join().expect("it ends");
        assert!(asked.starts_with("GET /readyz HTTP/1.1\r\n"), "{asked}");
    }
}

#[test]
fn nobody_there_is_not_ready() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let output = allin(Path::new("."), &["health", &address.to_string()]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains(&address.to_string()), "{}", stderr(&output));
}
