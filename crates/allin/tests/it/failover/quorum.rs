//! An etcd of three members that loses one, then its quorum.

use std::time::Instant;

use allin_testing::middleware::{Etcd, EtcdCluster};

use super::pair::{LEASE_LOST, Pair};
use crate::crash::load::{self, User};
use crate::loaded::flood::{Flood, Flooded};

const LEASE_S: u64 = 6;

#[test]
fn without_etcd_nobody_leads_and_afterwards_one_does() {
    let etcd = Etcd::start();
    let pair = Pair::beside(&etcd);
    let mut users = User::many(2);
    let mut nodes = pair.start();
    let done = load::trade(&nodes.leader, &mut users, 200, || etcd.signal("STOP"));
    assert!(done >= 200 && !nodes.leader.wait().success(), "it stops by itself");
    assert!(pair.says(0, LEASE_LOST));
    etcd.signal("CONT");
    pair.change(&mut nodes, Instant::now());
    pair.served(&mut nodes, |leader| {
        load::settle(leader, &mut users);
        load::check_all(leader, &mut users);
        pair.assert_digest(leader);
    });
}

#[test]
fn without_a_quorum_nobody_leads_and_with_one_somebody_does() {
    let etcd = EtcdCluster::start();
    // Longer than an election takes on a machine that has much else to do.
    let pair = Pair::new(&etcd.endpoints()).with(&format!("etcd.leader_lease_s={LEASE_S}"));
    let mut users = User::many(2);
    let mut nodes = pair.start();

    let flood = Flood::of(&nodes.leader, 0);
    flood.assert_rate();
    let done = load::trade(&nodes.leader, &mut users, 100, || {
        etcd.members[0].kill();
        etcd.members[1].signal("STOP");
    });
    assert!(done >= 100 && !nodes.leader.wait().success(), "it stops by itself");
    let first = flood.end();
    assert!(pair.says(0, LEASE_LOST), "{}", pair.places[0].stderr());
    assert!(!pair.says(1, "took the log over"), "nobody may lead");
    etcd.members[1].signal("CONT");
    let took = pair.change(&mut nodes, Instant::now());
    println!("time to serve again once etcd has a quorum: {took:?}");
    let flood = Flood::of(&nodes.leader, 1_000_000);
    flood.assert_rate();
    let loads = [first, flood.end()];
    pair.served(&mut nodes, |leader| {
        load::settle(leader, &mut users);
        load::check_all(leader, &mut users);
        Flooded::check(&loads, leader);
        pair.assert_digest(leader);
    });
}
