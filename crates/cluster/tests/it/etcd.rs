//! Discovery and leases.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use allin_cluster::etcd::{Etcd, EtcdRegistry, EtcdSection, Lease};
use allin_runtime::registry::{Endpoint, Registry, RegistryError, Watch};
use allin_testing::middleware;
use tokio::time::timeout;

use super::support::PATIENCE;

pub fn section(etcd: &middleware::Etcd, prefix: &str) -> EtcdSection {
    EtcdSection { endpoints: etcd.endpoint(), prefix: prefix.to_owned(), leader_lease_s: 4, service_lease_s: 4 }
}

pub fn connect(section: &EtcdSection) -> Etcd {
    Etcd::new(&section.endpoints()).expect("an endpoint")
}

fn registry(section: &EtcdSection) -> EtcdRegistry {
    EtcdRegistry::new(connect(section), section)
}

fn endpoint(instance: &str, address: &str) -> Endpoint {
    Endpoint { instance: instance.to_owned(), address: address.parse().expect("an address") }
}

async fn wait_until(watch: &mut Watch, want: &[Endpoint]) {
    let seen = timeout(PATIENCE, watch.wait_for(|list| list == want)).await.is_ok();
    assert!(seen, "{:?} instead of {want:?}", *watch.borrow());
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_come_and_go_and_everybody_is_told() {
    let section = section(middleware::Etcd::shared(), "/registry");
    let (here, there) = (registry(&section), registry(&section));
    let (one, two) = (endpoint("a", "127.0.0.1:1001"), endpoint("b", "127.0.0.1:1002"));
    let mut watch = there.watch("spotapi").await.expect("a watch");
    assert!(watch.borrow().is_empty());
    let first = here.register("spotapi", "a", one.address).await.expect("registered");
    let second = there.register("spotapi", "b", two.address).await.expect("registered");
    wait_until(&mut watch, &[one.clone(), two.clone()]).await;
    assert_eq!(here.resolve("spotapi").await.expect("resolved"), [one.clone(), two.clone()]);
    assert!(here.resolve("spot").await.expect("resolved").is_empty(), "a name is no prefix of another");
    let other: SocketAddr = "127.0.0.1:1003".parse().expect("an address");
    let refused = there.register("spotapi", "a", other).await.err();
    let (service, instance) = ("spotapi".to_owned(), "a".to_owned());
    assert_eq!(refused, Some(RegistryError::Taken { service, instance, address: one.address }));
    drop(first);
    wait_until(&mut watch, std::slice::from_ref(&two)).await;
    // Longer than a lease: it is kept alive.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(here.resolve("spotapi").await.expect("resolved"), [two]);
    drop(second);
    wait_until(&mut watch, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_survive_an_outage_of_etcd() {
    let etcd = middleware::Etcd::start();
    let section = section(&etcd, "/registry");
    let (here, there) = (registry(&section), registry(&section));
    let one = endpoint("a", "127.0.0.1:1001");
    let _registration = here.register("spotapi", "a", one.address).await.expect("registered");
    let mut watch = there.watch("spotapi").await.expect("a watch");
    etcd.kill();
    assert!(there.resolve("spotapi").await.is_err(), "it is away");
    assert_eq!(*watch.borrow_and_update(), std::slice::from_ref(&one), "who was known stays known");
    etcd.restart();
    let late = endpoint("b", "127.0.0.1:1002");
    let _second = timeout(PATIENCE, async {
        loop {
            match here.register("spotapi", "b", late.address).await {
                Ok(registration) => return registration,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    })
    .await
    .expect("registered");
    wait_until(&mut watch, &[one, late]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_has_one_holder_and_goes_on_when_given_up() {
    let section = section(middleware::Etcd::shared(), "/leases");
    let key = "/leases/given-up";
    let first = Lease::acquire(connect(&section), key, "one", 4).await;
    let mut second = tokio::spawn(Lease::acquire(connect(&section), key, "two", 4));
    assert!(timeout(Duration::from_secs(6), &mut second).await.is_err(), "two hold it");
    assert!(!*first.lost().borrow());
    let given = Instant::now();
    first.give_up().await;
    let second = timeout(PATIENCE, second).await.expect("in time").expect("no panic");
    println!("the next holder after {:?}", given.elapsed());
    second.give_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_cut_off_from_etcd_knows_before_anybody_else_can_hold_it() {
    let etcd = middleware::Etcd::start();
    let section = section(&etcd, "/leases");
    let lease = Lease::acquire(connect(&section), "/leases/cut-off", "one", 4).await;
    etcd.signal("STOP");
    let mut lost = lease.lost();
    timeout(PATIENCE, lost.wait_for(|lost| *lost)).await.expect("it notices").expect("told");
    etcd.signal("CONT");
    let next = timeout(PATIENCE, Lease::acquire(connect(&section), "/leases/cut-off", "two", 4)).await;
    assert!(!*next.expect("the next one gets it").lost().borrow());
}
