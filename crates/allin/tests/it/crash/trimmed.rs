//! A log that is trimmed while it is written: every service starts on what is left of it and has what it had.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::load::{self, MARKET, User};
use super::node::{Node, Place};
use super::rebuilt;

/// So that the log is trimmed soon.
pub const TRIMMED_SOON: [&str; 5] = [
    "log.keep=needed",
    "log.trim_interval_s=1",
    "log.segment_bytes=1048576",
    "log.batch_bytes_max=524288",
    "snapshot.interval_s=1",
];

/// Sequences that the segments begin at.
pub fn segments(place: &Place) -> Vec<u64> {
    let folder = fs::read_dir(place.data().join("oplog")).expect("a log");
    let names = folder.map(|entry| entry.expect("a file").file_name().into_string().expect("text"));
    let mut firsts: Vec<u64> = names.filter_map(|name| name.strip_suffix(".log")?.parse().ok()).collect();
    firsts.sort_unstable();
    firsts
}

/// Makes the log longer by the details that funding may carry, until `done`.
pub fn fill(node: &Node, user: &mut User, done: impl Fn() -> bool) {
    let mut client = node.client();
    let detail = json!({ "note": "x".repeat(3_900) });
    for _ in 0..30_000 {
        if done() {
            return;
        }
        user.credit_with(&mut client, "BTC", 1, detail.clone()).expect("taken");
    }
    panic!("the log is long, and still it is not done");
}

fn get(node: &Node, path: &str) -> String {
    let address = node.address_of("landry-spotapi-web");
    let mut stream = TcpStream::connect(address).expect("spotapi");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    body.to_owned()
}

/// What the public sees; numbers of the moment are left out.
fn picture(node: &Node) -> BTreeMap<&'static str, Value> {
    let parse = |path: String| -> Value { serde_json::from_str(&get(node, &path)).expect("JSON") };
    let depth = parse(format!("/api/v3/depth?symbol={MARKET}&limit=5000"));
    let ticker = parse(format!("/api/v3/ticker/24hr?symbol={MARKET}"));
    let of_ticker = ["lastPrice", "lastQty", "volume", "quoteVolume", "count", "firstId", "lastId", "highPrice"];
    let day: Value = of_ticker.iter().map(|key| ticker[*key].clone()).collect();
    BTreeMap::from([
        ("bids", depth["bids"].clone()),
        ("asks", depth["asks"].clone()),
        ("ticker", day),
        ("aggTrades", parse(format!("/api/v3/aggTrades?symbol={MARKET}&limit=200"))),
        ("trades", parse(format!("/api/v3/trades?symbol={MARKET}&limit=200"))),
        ("klines", parse(format!("/api/v3/klines?symbol={MARKET}&interval=1d&limit=5"))),
    ])
}

#[test]
fn every_service_starts_on_a_trimmed_log_with_what_it_had() {
    let mut place = Place::new();
    place.arguments = TRIMMED_SOON.iter().flat_map(|setting| ["--set", setting].map(str::to_owned)).collect();
    let mut users = User::many(3);
    let node = place.start();
    let mut client = node.client();
    for _ in 0..300 {
        for user in &mut users {
            user.step(&mut client).expect("an answer");
        }
    }
    let mut filler = User::new(77);
    fill(&node, &mut filler, || segments(&place)[0] > 900);
    load::check_all(&node, &mut users);
    let files = rebuilt::folds(&place);
    let (before, seen) = (rebuilt::at_rest(&files), picture(&node));
    let levels = |side: &str| seen[side].as_array().map_or(0, Vec::len);
    assert!(levels("bids") + levels("asks") > 2, "{seen:?}");
    // Once by a kill, perhaps in the midst of trimming, and once in order.
    node.kill();
    for _ in 0..2 {
        assert!(segments(&place)[0] > 900, "the trades are gone from the log");
        let output = place.log_verify();
        let text = crate::stdout(&output);
        assert!(output.status.success(), "{text}");
        let begins = text.lines().find_map(|line| line.strip_prefix("begins after")).expect("where it begins");
        assert!(begins.trim().parse::<u64>().expect("a sequence") > 900, "{text}");
        let node = place.start();
        assert_eq!(picture(&node), seen);
        load::check_all(&node, &mut users);
        let after = rebuilt::dump(&files).expect("stores");
        assert!(after == before, "{:#?}", rebuilt::differences(&before, &after));
        node.stop();
    }
}
