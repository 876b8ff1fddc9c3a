//! Servers end with whoever started them, and leave nothing behind.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use allin_databases::{Product, Server};

const CHILD: &str = "ALLIN_TEST_DATABASES_CHILD";

/// Does nothing unless the next test runs it in a process of its own.
#[test]
fn child_that_is_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    for product in [Product::MariaDb, Product::Postgres] {
        let server = Server::shared(product);
        println!("\nserver {} {}", server.address(), server.folder().display());
    }
    println!("\nready");
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn servers_do_not_outlive_a_process_that_is_killed() {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--nocapture", "--exact", "child_that_is_killed"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut servers: Vec<(SocketAddr, String)> = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["server", address, folder] => servers.push((address.parse().expect("an address"), folder.to_owned())),
            ["ready"] => break,
            _ => {}
        }
    }
    assert_eq!(servers.len(), 2);
    for (address, folder) in &servers {
        assert!(TcpStream::connect(address).is_ok() && Path::new(folder).exists(), "runs at {address}");
    }
    child.kill().expect("is killed");
    child.wait().expect("ends");
    let begun = Instant::now();
    while servers.iter().any(|(address, folder)| TcpStream::connect(address).is_ok() || Path::new(folder).exists()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{servers:?} are still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}
