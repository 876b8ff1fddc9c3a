//! The log in a real Kafka, leases and discovery in a real etcd.

mod damage;
mod etcd;
mod fence;
mod log;
mod outage;
mod settings;
mod standby;
mod support;
mod topic;
