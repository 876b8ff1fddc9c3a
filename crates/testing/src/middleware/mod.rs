//! Owns the middleware that tests stand on: real Kafka brokers, a real etcd and a real Redis, each on a loopback address of its
//! own, and the links to them that a test may cut.
//! Never left running: they end with the process that started them, however that ends.

mod daemon;
mod etcd;
mod kafka;
mod link;
mod redis;

pub use daemon::Daemon;
pub use etcd::{Etcd, EtcdCluster};
pub use kafka::{Kafka, KafkaCluster};
pub use link::{Link, Traffic};
pub use redis::Redis;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

/// A loopback address that nobody else uses: of this process, and new with every call.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 100 + NEXT.fetch_add(1, Ordering::Relaxed) % 100, high, low)
}

fn at(address: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(address), port)
}
