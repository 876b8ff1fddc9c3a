//! Killed at random moments under load, and stopped cleanly under load.

use rustix::process::Signal;

use super::load::{self, Random, User};
use super::node::Place;

#[test]
fn killed_under_load_everything_acknowledged_is_there_once() {
    let place = Place::new();
    let (mut users, mut random) = (User::many(4), Random::new());
    let (mut taken, mut rounds) = (0, 0);
    while taken < 3_000 || rounds < 5 {
        let node = place.start();
        load::settle(&node, &mut users);
        let when = 200 + random.below(800) as usize;
        let done = load::trade(&node, &mut users, when, || node.signal(Signal::KILL));
        assert!(done >= when, "it ended by itself: {}", place.stderr());
        node.kill();
        place.assert_verifies();
        (taken, rounds) = (taken + done, rounds + 1);
    }
    let node = place.start();
    load::settle(&node, &mut users);
    load::check_all(&node, &mut users);
    node.stop();
    place.assert_verifies();
}

#[test]
fn a_clean_stop_under_load_tears_nothing() {
    let place = Place::new();
    let mut users = User::many(4);
    let node = place.start();
    let done = load::trade(&node, &mut users, 500, || node.signal(Signal::TERM));
    assert!(done >= 500, "{}", place.stderr());
    node.stop();
    let output = place.log_verify();
    let text = crate::stdout(&output);
    let end = text.lines().find(|line| line.starts_with("end"));
    assert!(output.status.success() && end.is_some_and(|end| end.ends_with("clean")), "{text}");

    let node = place.start();
    load::settle(&node, &mut users);
    load::check_all(&node, &mut users);
    node.stop();
}

#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let place = Place::new();
    let (node, mut user) = (place.start(), User::new(1));
    let said = place.start_refused();
    assert!(said.contains("data/oplog") && said.contains("another process"), "{said}");
    user.step(&mut node.client()).expect("the first goes on");
    node.stop();
}
