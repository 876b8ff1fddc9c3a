//! The way from `allin up` to a first trade, from outside.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::crash::{node::Place, poll};

/// Asks the public side.
fn get(run: &Value, target: &str) -> Value {
    let address = run["public"].as_str().expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("open");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{target}: {text}");
    serde_json::from_str(body).expect("JSON")
}

fn demo_user(folder: &Path, fund: &str) -> std::process::Output {
    crate::allin(folder, &["demo-user", "--data", "data", "--fund", fund, "--format", "json"])
}

#[test]
fn a_demo_has_markets_and_makes_users_with_funds() {
    let mut place = Place::new();
    let flags =
        ["--demo", "on", "--set", "demo.levels=5", "--set", "demo.step_ms=100", "--set", "demo.history_hours=0"];
    place.arguments = flags.map(str::to_owned).to_vec();
    let node = place.start();
    let run = place.run_file();
    assert_eq!(run["pid"], node.id());

    let output = demo_user(place.path(), "BTC=10,USDT=1000000");
    assert!(output.status.success(), "{}", crate::stderr(&output));
    let user: Value = serde_json::from_slice(&output.stdout).expect("one object");
    let keys: Vec<&String> = user.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["api_key", "api_secret", "email", "password", "user_id"]);
    let wanted = [
        ("BTC=99999999999999999", "has not so much"),
        ("DOGE=1", "no such asset"),
        ("BTC=0.000000001", "more decimals"),
    ];
    for (fund, said) in wanted {
        let refused = demo_user(place.path(), fund);
        assert!(
            !refused.status.success() && crate::stderr(&refused).contains(said),
            "{fund}: {}",
            crate::stderr(&refused)
        );
    }

    // The maker's own book, and its own trades.
    let filled = |run: &Value| {
        let depth = get(run, "/api/v3/depth?symbol=BTCUSDT&limit=100");
        let side = |name: &str| depth[name].as_array().expect("levels").len();
        let traded = get(run, "/api/v3/trades?symbol=BTCUSDT").as_array().expect("trades").len();
        let full = side("bids") >= 5 && side("asks") >= 5 && traded > 0;
        // Asking has its price, and an address may not spend all of it at once.
        std::thread::sleep(Duration::from_millis(if full { 0 } else { 300 }));
        full.then_some(())
    };
    poll("a book and a trade", || filled(&run));
    node.kill();
    let node = place.start();
    let run = place.run_file();
    poll("a book after a restart", || filled(&run));
    assert!(!place.stderr().contains("panicked"), "{}", place.stderr());
    node.stop();
    assert!(!place.data().join("run.json").exists(), "it goes when the gateway does");
    place.assert_verifies();
}

#[test]
fn without_the_demo_there_is_no_demo_user_and_no_market() {
    let mut place = Place::new();
    place.arguments = vec!["--demo".into(), "off".into()];
    let early = demo_user(place.path(), "BTC=1");
    assert!(
        !early.status.success() && crate::stderr(&early).contains("is `allin up` running"),
        "{}",
        crate::stderr(&early)
    );
    let node = place.start();
    let refused = demo_user(place.path(), "BTC=1");
    assert!(
        !refused.status.success() && crate::stderr(&refused).contains("the demo is off"),
        "{}",
        crate::stderr(&refused)
    );
    let depth = get(&place.run_file(), "/api/v3/depth?symbol=BTCUSDT&limit=100");
    assert_eq!(depth["bids"].as_array().map(Vec::len), Some(0));
    node.stop();
}
