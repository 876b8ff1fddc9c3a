//! Owns the middleware that tests stand on: a real Kafka broker and a real etcd, each on a loopback address of its own.
//! Never left running: they end with the process that started them, however that ends.

mod daemon;
mod etcd;
mod kafka;

pub use daemon::Daemon;
pub use etcd::Etcd;
pub use kafka::Kafka;

use std::sync::atomic::{AtomicU8, Ordering};

/// A loopback address that nobody else uses: of this process, and new with every call.
fn own_address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{high}.{low}", 100 + NEXT.fetch_add(1, Ordering::Relaxed) % 100)
}
