//! What can be wrong with a topology, or with an operator's changes to it.

use std::net::SocketAddr;

/// A topology that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The text is not YAML of the expected shape.
    #[error("topology.yaml cannot be read: {0}")]
    Parse(String),
    /// The text is well formed but contradicts itself; every fault is listed.
    #[error("topology.yaml is inconsistent:\n  {}", .0.join("\n  "))]
    Inconsistent(Vec<String>),
    /// An override names a port that no service has.
    #[error("the topology has no port {key}; write <service>.<port>, e.g. landry-ces-accesshttp.8080")]
    UnknownPort {
        /// The override's key as it was written.
        key: String,
    },
    /// Two ports would be served at one address.
    #[error("{first} and {second} would both be served at {address}")]
    AddressTaken {
        /// The port that has the address.
        first: String,
        /// The port that asks for it too.
        second: String,
        /// The address.
        address: SocketAddr,
    },
}
