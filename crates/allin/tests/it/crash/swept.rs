//! Killed in the very system calls that make a command durable: at the n-th sync, and at the n-th write of the log.
//!
//! strace delivers no signal under `--seccomp-bpf` (6.1), so that these runs stop at every call and are slow to start.

use std::fs;

use super::injected::can_trace;
use super::load::{self, User};
use super::node::Place;

/// One data folder through many lives, each killed as its log thread enters `call` for the n-th time; the early ones are
/// while the process starts. Commands before the first one that counts, which come from the start alone, need no answer.
fn killed_at(call: &str, moments: &[u32]) {
    if !can_trace() {
        return;
    }
    let place = Place::new();
    place.start().stop();
    let segment = place.segment();
    let mut users = User::many(3);
    let mut taken = 0;
    for moment in moments {
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={moment}"));
        let path = segment.to_str().expect("text");
        let mut node =
            place.spawn(&["strace", "-D", "-f", "-qq", "-o", "strace.out", "-e", &trace, "-e", &inject, "-P", path]);
        if node.ready() {
            taken += load::trade(&node, &mut users, usize::MAX, || {});
        }
        node.assert_killed();
        let calls = fs::read_to_string(place.path().join("strace.out")).expect("the trace");
        let fired = calls.contains("+++ killed by SIGKILL +++") && calls.contains(call);
        assert!(fired, "{call} {moment}: it was not the fault that ended it: {calls}");
        place.assert_verifies();
        let node = place.start();
        load::settle(&node, &mut users);
        node.stop();
    }
    assert!(taken >= 30, "only {taken} commands were acknowledged in all");
    let node = place.start();
    load::check_all(&node, &mut users);
    node.stop();
    place.assert_verifies();
}

#[test]
fn killed_at_any_sync_everything_acknowledged_is_there_once() {
    killed_at("fdatasync", &[1, 2, 3, 7, 20, 60]);
}

#[test]
fn killed_at_any_write_everything_acknowledged_is_there_once() {
    killed_at("pwrite64", &[1, 2, 4, 9, 25, 70]);
}
