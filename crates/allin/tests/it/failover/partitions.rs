//! Leaders that are cut off from what they stand on, while their stand-by is not. Links are cut, where both ends know at once, and
//! held, where nobody is told anything.

use std::time::{Duration, Instant};

use allin_testing::middleware::{Etcd, Kafka, Link, Traffic};

use super::pair::{LEASE_LOST, Pair, Ways};
use crate::crash::load::{self, User};
use crate::crash::poll;

const TRADED: usize = 150;
/// Of each piece that goes over a slow link.
const SLOW: Duration = Duration::from_millis(15);
/// What a leader says that makes room.
const LEASE: &str = LEASE_LOST;
const SIGHT: &str = "the log is out of sight here, and a stand-by sees it";
/// What it says before that, and what its stand-by then does.
const ASKS: &str = "asks whether a stand-by sees it";
const TELLS: &str = "told the leader that the log is in sight here";

/// The ways of one machine.
struct Links<'a> {
    etcd: Link,
    kafka: &'a Link,
}

impl Links<'_> {
    fn set(&self, etcd: Traffic, kafka: Traffic) {
        self.etcd.set(etcd);
        self.kafka.set(kafka);
    }

    fn disturbed(&self) -> [u64; 2] {
        [self.etcd.disturbed(), self.kafka.disturbed()]
    }

    fn ways(&self) -> Ways {
        Ways { brokers: self.kafka.address().to_string(), etcd: format!("http://{}", self.etcd.address()) }
    }
}

#[test]
fn a_leader_cut_off_from_etcd_from_kafka_or_from_both_makes_room() {
    use Traffic::{Cut, Flows, Held};
    let (etcd, kafka) = (Etcd::shared(), Kafka::shared());
    let links = [0, 1].map(|number| Links { etcd: etcd.link(), kafka: kafka.link(number) });
    let pair = Pair::over(kafka, [links[0].ways(), links[1].ways()]);
    let mut users = User::many(4);
    let mut nodes = pair.start();
    let rows = [
        ("etcd, cut", Cut, Flows, LEASE),
        ("Kafka, cut", Flows, Cut, SIGHT),
        ("both, cut", Cut, Cut, LEASE),
        ("etcd, held", Held, Flows, LEASE),
        ("Kafka, held", Flows, Held, SIGHT),
        ("both, held", Held, Held, LEASE),
    ];
    for (name, to_etcd, to_kafka, reason) in rows {
        let (ours, other) = (nodes.leading, nodes.other());
        let before = links[ours].disturbed();
        let mut took = Duration::ZERO;
        let done = load::trade(&nodes.leader, &mut users, TRADED, || {
            links[ours].set(to_etcd, to_kafka);
            // The users of the old leader go on as long as it lets them.
            took = pair.take_over(&mut nodes.standby, other, Instant::now());
        });
        println!("time to serve again, {name}: {took:?}");
        assert!(!nodes.leader.wait().success(), "{name}: the old leader goes on");
        // Whoever gets no time to keep a lease loses that as well.
        let said = pair.says(ours, reason) || pair.says(ours, LEASE);
        assert!(said && done > 0, "{name}: {done} {}", pair.places[ours].stderr());
        let after = links[ours].disturbed();
        for (way, traffic) in [to_etcd, to_kafka].into_iter().enumerate() {
            assert_eq!(after[way] > before[way], traffic != Flows, "{name}: {before:?} {after:?}");
        }
        links[ours].set(Flows, Flows);
        pair.swap(&mut nodes);
        pair.served(&mut nodes, |leader| load::settle(leader, &mut users));
    }
    pair.served(&mut nodes, |leader| {
        load::check_all(leader, &mut users);
        pair.assert_digest(leader);
    });
}

/// What is only slow is no reason to change the leader, and neither is a log that nobody reaches.
#[test]
fn slow_links_and_a_log_that_is_away_for_everybody_change_no_leader() {
    let (etcd, kafka) = (Etcd::shared(), Kafka::start());
    let links = [0, 1].map(|number| Links { etcd: etcd.link(), kafka: kafka.link(number) });
    let pair = Pair::over(&kafka, [links[0].ways(), links[1].ways()]).with("etcd.leader_lease_s=10");
    let mut users = User::many(4);
    let nodes = pair.start();
    let leader = &nodes.leader;
    let slow = Traffic::Slow(SLOW);
    links[0].set(slow, slow);
    load::trade_through(leader, &mut users, TRADED, || {});
    assert!(links[0].disturbed().iter().all(|&disturbed| disturbed > 0));
    links[0].set(Traffic::Flows, Traffic::Flows);

    let outage = || {
        kafka.kill();
        poll("it would hand over", || pair.says(0, ASKS).then_some(()));
        let since = Instant::now();
        poll("longer than an answer takes", || (since.elapsed() > Duration::from_secs(2)).then_some(()));
        kafka.restart();
    };
    load::trade_through(leader, &mut users, TRADED, outage);
    // The stand-by sees the end of an outage before the leader does.
    let (asked, told) = (pair.count(0, ASKS), pair.count(1, TELLS));
    let outage = || {
        links.iter().for_each(|links| links.set(Traffic::Flows, Traffic::Cut));
        poll("it would hand over", || (pair.count(0, ASKS) > asked).then_some(()));
        links[1].set(Traffic::Flows, Traffic::Flows);
        poll("the stand-by sees the log", || (pair.count(1, TELLS) > told).then_some(()));
        links[0].set(Traffic::Flows, Traffic::Flows);
    };
    load::trade_through(leader, &mut users, TRADED, outage);
    assert!(!pair.says(1, "took the log over"));
    load::check_all(leader, &mut users);
    pair.assert_digest(leader);
    nodes.standby.stop();
    nodes.leader.stop();
}
