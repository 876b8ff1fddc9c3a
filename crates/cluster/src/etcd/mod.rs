//! Owns what is asked of etcd: which instances of a service there are ([`EtcdRegistry`]), who may try to lead ([`Lease`]),
//! and which settings change while processes run ([`Watched`]).
//! Never trusts a lease with money: a holder that was paused may believe in it for a moment too long.
//! Known limits: etcd without passwords and TLS, as inside one private network. The client is made from the few calls that
//! are used (`proto/etcd.proto`), since the public crate's build wants a protoc to be installed.

mod client;
mod config;
mod lease;
mod registry;
mod watched;

pub use client::{Etcd, EtcdError};
pub use config::EtcdSection;
pub use lease::{Lease, WayOut};
pub use registry::EtcdRegistry;
pub use watched::{Take, Watched, config_folder, read_config};

#[allow(clippy::all, clippy::pedantic, missing_docs)]
mod pb {
    tonic::include_proto!("etcdserverpb");
}
