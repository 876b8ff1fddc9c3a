//! Settings that are watched in etcd.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allin_cluster::etcd::{Etcd, Take, Watched, read_config};
use allin_testing::middleware;

use super::etcd::{connect, section};
use super::support::PATIENCE;

/// Takes numbers, and notes what it took.
#[derive(Clone, Default)]
struct Taker(Arc<Mutex<Vec<Option<u32>>>>);

impl Taker {
    fn take(&self) -> Take {
        let took = self.0.clone();
        Box::new(move |value| {
            let value = value.map(|text| text.parse().map_err(|_| format!("{text} is no number"))).transpose()?;
            took.lock().expect("no panic inside").push(value);
            Ok(())
        })
    }

    async fn until(&self, want: &[Option<u32>]) {
        let took = || self.0.lock().expect("no panic inside").clone();
        let same = async {
            while took() != want {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, same).await.is_ok(), "{:?} instead of {want:?}", took());
    }
}

fn watch(etcd: Etcd, section: &allin_cluster::etcd::EtcdSection, takers: &[(&'static str, &Taker)]) {
    let takers: BTreeMap<_, _> = takers.iter().map(|(key, taker)| (*key, taker.take())).collect();
    tokio::spawn(Watched::new(etcd, section, takers).run());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_taken_bad_ones_refused_and_what_goes_brings_back_the_first() {
    let section = section(middleware::Etcd::shared(), "/watched");
    let etcd = connect(&section);
    let put = async |key: &str, value: &str| etcd.put(&format!("/watched/config/{key}"), value, 0).await.expect("put");
    put("a", "1").await;
    put("nobody", "7").await;
    let (a, b) = (Taker::default(), Taker::default());
    watch(connect(&section), &section, &[("a", &a), ("b", &b)]);
    a.until(&[Some(1)]).await;
    // Refused: the next good one comes after it.
    put("a", "one").await;
    put("b", "5").await;
    b.until(&[Some(5)]).await;
    a.until(&[Some(1)]).await;
    put("a", "2").await;
    a.until(&[Some(1), Some(2)]).await;
    // The same again is nothing new; a key of a longer name is another.
    put("a", "2").await;
    put("ab", "3").await;
    // Under a lease, so that it goes.
    let lease = etcd.grant(60).await.expect("granted");
    etcd.put("/watched/config/a", "4", lease).await.expect("put");
    a.until(&[Some(1), Some(2), Some(4)]).await;
    etcd.revoke(lease).await.expect("revoked");
    a.until(&[Some(1), Some(2), Some(4), None]).await;
    b.until(&[Some(5)]).await;
    let all = read_config(&etcd, &section).await.expect("read");
    let keys: Vec<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(keys, ["ab", "b", "nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_changes_nothing_and_what_changed_meanwhile_is_taken_after() {
    let server = middleware::Etcd::start();
    let section = section(&server, "/watched");
    let (etcd, a) = (connect(&section), Taker::default());
    etcd.put("/watched/config/a", "1", 0).await.expect("put");
    watch(connect(&section), &section, &[("a", &a)]);
    a.until(&[Some(1)]).await;
    server.kill();
    server.restart();
    let again = async {
        while etcd.put("/watched/config/a", "2", 0).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("it is back");
    a.until(&[Some(1), Some(2)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_watch_stands() {
    let section = section(middleware::Etcd::shared(), "/quiet");
    let etcd = connect(&section);
    let (_, revision) = etcd.range("/quiet/").await.expect("an answer");
    let mut changes = etcd.watch("/quiet/", revision).await.expect("a watch");
    let begun = changes.message().await.expect("it begins").expect("a word");
    assert!(begun.created && begun.events.is_empty());
    // Longer than it takes etcd to lose patience with one who asks too often whether it is there.
    let told = tokio::time::timeout(Duration::from_secs(14), changes.message()).await;
    assert!(told.is_err(), "{told:?}");
    etcd.put("/quiet/a", "1", 0).await.expect("put");
    let told = tokio::time::timeout(PATIENCE, changes.message()).await.expect("in time");
    assert_eq!(told.expect("it stands").map(|told| told.events.len()), Some(1));
}
