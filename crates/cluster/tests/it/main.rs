//! The log in a real Kafka, leases and discovery in a real etcd.

mod brokers;
mod damage;
mod etcd;
mod fence;
mod load;
mod log;
mod outage;
mod settings;
mod standby;
mod support;
mod topic;
