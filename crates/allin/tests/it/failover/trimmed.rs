//! A pair whose log is trimmed while it trades: the stand-by leads what is left, and a machine that has nothing is told what to do.

use std::fs;
use std::time::{Duration, Instant};

use allin_databases::{Product, Server};
use allin_testing::middleware::Etcd;
use rustix::process::Signal;

use super::pair::Pair;
use crate::crash::load::{self, User};
use crate::crash::poll;
use crate::crash::trimmed::TRIMMED_SOON;
use crate::loaded::flood::Flood;

const TRADED: usize = 400;
const TRIMMED: &str = "trimmed the log";

#[test]
fn a_trimmed_log_is_led_by_the_stand_by_and_a_new_machine_needs_a_copy() {
    let server = Server::start(Product::Postgres);
    let database = server.database();
    let mut pair = Pair::beside(Etcd::shared()).with(&format!("store.spot_url={database}"));
    for setting in TRIMMED_SOON {
        pair = pair.with(setting);
    }
    let mut users = User::many(4);
    let mut nodes = pair.start();
    // Both use one database, and so one key of what is secret in it.
    let key = |place: usize| pair.places[place].data().join("users.key");
    fs::copy(key(0), key(1)).expect("copied");
    // By then the stand-by has snapshots as well, and has said so: until then it needs everything.
    while !pair.says(nodes.leading, TRIMMED) {
        pair.served(&mut nodes, |leader| load::trade_through(leader, &mut users, TRADED, || {}));
    }
    load::trade(&nodes.leader, &mut users, TRADED, || nodes.leader.signal(Signal::KILL));
    nodes.leader.wait();
    pair.change(&mut nodes, Instant::now());
    pair.served(&mut nodes, |leader| {
        load::settle(leader, &mut users);
        load::check_all(leader, &mut users);
    });
    let (leading, other) = (nodes.leading, nodes.other());
    nodes.standby.stop();

    let (place, whole) = (&pair.places[other], pair.places[leading].data().join("snapshots"));
    let settings: Vec<&str> = place.arguments.iter().map(String::as_str).collect();
    let run = |words: &[&str]| {
        let output = crate::allin(place.path(), &[words, &["--data", "data"], &settings].concat());
        (output.status.success(), crate::stdout(&output).to_owned() + crate::stderr(&output))
    };
    let (verifies, text) = run(&["log", "verify"]);
    let begins = text.lines().find_map(|line| line.strip_prefix("begins after"));
    let begins: u64 = begins.and_then(|begins| begins.trim().parse().ok()).expect("where it begins");
    assert!(verifies && begins > 1_000, "{text}");

    let lost = place.data().join("snapshots");
    fs::remove_dir_all(&lost).expect("removed");
    let (fit, text) = run(&["doctor"]);
    assert!(!fit && text.contains("no snapshot here reaches it") && text.contains("copy the files"), "{text}");
    let said = place.start_refused();
    assert!(said.contains("the log begins at sequence") && said.contains("copy the files of snapshots/"), "{said}");

    fs::create_dir_all(&lost).expect("made");
    for file in fs::read_dir(&whole).expect("a folder").map(|file| file.expect("a file")) {
        if file.path().extension().is_some_and(|extension| extension == "snap") {
            // One may just have been removed for newer ones.
            drop(fs::copy(file.path(), lost.join(file.file_name())));
        }
    }
    nodes.standby = pair.stand_by(other);
    nodes.leader.signal(Signal::KILL);
    nodes.leader.wait();
    pair.change(&mut nodes, Instant::now());
    pair.served(&mut nodes, |leader| {
        load::trade_through(leader, &mut users, 50, || {});
        load::settle(leader, &mut users);
        load::check_all(leader, &mut users);
    });
    nodes.standby.stop();
}

#[test]
fn nothing_goes_as_long_as_a_stand_by_needs_it() {
    let mut pair = Pair::beside(Etcd::shared());
    for setting in TRIMMED_SOON {
        pair = pair.with(setting);
    }
    // It needs all of the log, and says so as long as it is there.
    pair.places[1].arguments.extend(["--set", "log.keep=all"].map(str::to_owned));
    let nodes = pair.start();
    let flood = Flood::of(&nodes.leader, 0);
    let leader = &pair.places[0];
    let settings: Vec<&str> = leader.arguments.iter().map(String::as_str).collect();
    poll("the leader by itself would trim it", || {
        let words = [&["log", "compact", "--check", "--data", "data"], &settings[..]].concat();
        let output = crate::allin(leader.path(), &words);
        assert!(output.status.success(), "{}", crate::stderr(&output));
        crate::stdout(&output).contains("would go").then_some(())
    });
    // It looks every second.
    std::thread::sleep(Duration::from_secs(4));
    assert!(!pair.says(0, TRIMMED), "{}", leader.stderr());
    nodes.standby.stop();
    poll("the log is trimmed", || pair.says(0, TRIMMED).then_some(()));
    drop(flood.end());
    nodes.leader.stop();
}
