//! A leader and a stand-by on a shared log, from outside: killed, paused, cut off from etcd, from Kafka, and from both. In each:
//! nothing acknowledged is lost or doubled, one leader acknowledges, and the digests agree.

mod kills;
pub mod pair;
mod partitions;
mod quorum;
mod trimmed;
