//! Owns what a deployment of several machines stands on: the operation log in Kafka, discovery and leases in etcd, the
//! shared cache in Redis, and the leader and hot stand-by of a shard.
//! Never lets a lease decide what is in the log: the lease is a hint, the epoch in the log is the fence.
//! Known limits: one partition a shard; plain connections (no TLS, no SASL), as inside one private network.

pub mod etcd;
pub mod handover;
pub mod kafka;
pub mod member;
pub mod needs;
pub mod redis;
