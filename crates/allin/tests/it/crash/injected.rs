//! Faults put under the process's system calls by strace: a sync that fails, a slow one.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::load::{self, Told, User};
use super::node::{Node, Place};

/// False, with a line that says why, where processes cannot be traced.
pub fn can_trace() -> bool {
    let probe = Command::new("strace").args(["-f", "-o", "/dev/null", "-e", "trace=fdatasync", "true"]).output();
    let reason = match probe {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => format!("{error} (make deps installs it)"),
    };
    eprintln!("skipped: strace cannot trace here: {reason}");
    false
}

/// Starts the process as a child of ours with strace beside it. `more` are strace's arguments before the program.
fn traced(place: &Place, call: &str, fault: &str, more: &[&str]) -> Node {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{fault}"));
    let mut line = vec!["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "strace.out", "-e", &trace, "-e", &inject];
    line.extend(more);
    place.spawn(&line)
}

fn trade_to_the_end(node: &Node, users: &mut [User]) -> usize {
    let mut taken = 0;
    for user in users {
        let Ok(mut client) = node.connect() else { return taken };
        while let Ok(told) = user.step(&mut client) {
            taken += usize::from(told == Told::Taken);
            assert!(taken < 20_000, "the fault does not come");
        }
    }
    taken
}

fn check(place: &Place, users: &mut [User]) {
    place.assert_verifies();
    let node = place.start();
    load::settle(&node, users);
    load::check_all(&node, users);
    node.stop();
}

#[test]
fn nothing_is_acknowledged_before_its_sync_is_over() {
    if !can_trace() {
        return;
    }
    const DELAY: Duration = Duration::from_millis(40);
    let place = Place::new();
    place.start().stop();
    let segment = place.segment();
    let only = ["-P", segment.to_str().expect("text")];
    let mut node = traced(&place, "fdatasync", &format!("delay_enter={}", DELAY.as_micros()), &only);
    assert!(node.ready(), "{}", place.stderr());
    let (mut client, mut user) = (node.client(), User::new(1));
    for _ in 0..20 {
        let started = Instant::now();
        assert_eq!(user.credit(&mut client, "BTC", 1).expect("it serves"), Told::Taken);
        let took = started.elapsed();
        assert!(took >= DELAY, "acknowledged after {took:?}, while a sync takes {DELAY:?}");
    }
    node.stop();
}

#[test]
fn a_failed_sync_stops_the_process_and_is_never_acknowledged() {
    if !can_trace() {
        return;
    }
    let place = Place::new();
    place.start().stop();
    let segment = place.segment();
    let only = ["-P", segment.to_str().expect("text")];
    let mut node = traced(&place, "fdatasync", "error=EIO:when=60", &only);
    assert!(node.ready(), "{}", place.stderr());
    let mut users = User::many(1);
    // One at a time: each command has a sync of its own, so that the one without an answer is the one whose sync failed.
    let taken = trade_to_the_end(&node, &mut users);
    let status = node.wait();
    assert!(!status.success(), "{status}");
    assert!(node.connect().is_err(), "it still serves");
    let said = place.stderr();
    assert!(said.contains("cannot sync") && said.contains("00000000000000000001.log"), "{said}");
    let calls = fs::read_to_string(place.path().join("strace.out")).expect("the trace");
    assert!(calls.contains("EIO (Input/output error) (INJECTED)"), "{calls}");
    let (failed, synced): (Vec<&str>, _) = calls.lines().partition(|line| line.contains("INJECTED"));
    assert_eq!(failed.len(), 1, "nothing is synced again after a failure: {failed:?}");
    assert!(calls.lines().rfind(|line| line.contains("fdatasync")).is_some_and(|line| line.contains("INJECTED")));
    assert!((20..=synced.len()).contains(&taken), "{taken} acknowledged with {} syncs", synced.len());
    check(&place, &mut users);
}

#[test]
fn a_slow_disk_fills_bounded_queues_and_loses_nothing() {
    if !can_trace() {
        return;
    }
    let mut place = Place::new();
    place.start().stop();
    place.arguments = ["--set", "accesshttp.requests_max=2"].map(String::from).to_vec();
    let segment = place.segment();
    let mut node = traced(&place, "fdatasync", "delay_enter=200000", &["-P", segment.to_str().expect("text")]);
    assert!(node.ready(), "{}", place.stderr());
    let mut clients: Vec<_> = (0..6).map(|_| node.client()).collect();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let send = |(user, client): (usize, &mut super::client::Client)| {
            let params = json!([user + 1, "BTC", "deposit", 1, "5", {}]);
            let answer = client.send("balance.update", &params).expect("an answer");
            (answer.status, answer.outcome.err())
        };
        let threads: Vec<_> = clients.iter_mut().enumerate().map(|pair| scope.spawn(move || send(pair))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect()
    });
    let refused = outcomes.iter().filter(|outcome| **outcome == (503, Some(3))).count();
    let done = outcomes.iter().filter(|outcome| **outcome == (200, None)).count();
    assert!(refused > 0 && done > 0 && refused + done == outcomes.len(), "{outcomes:?}");
    let mut client = node.client();
    for (user, outcome) in outcomes.iter().enumerate() {
        let has = load::units(&client.ask("balance.query", json!([user + 1, "BTC"]))["BTC"]["available"]);
        assert_eq!(has > 0, outcome.0 == 200, "user {}: {outcome:?}", user + 1);
    }
    node.stop();
    place.assert_verifies();
}
