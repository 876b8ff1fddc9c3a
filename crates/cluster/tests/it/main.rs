//! The log in a real Kafka, leases and discovery in a real etcd, the shared cache in a real Redis.

mod brokers;
mod cache;
mod damage;
mod etcd;
mod events;
mod fence;
mod load;
mod log;
mod outage;
mod redis;
mod settings;
mod standby;
mod support;
mod topic;
mod trimming;
mod watched;
