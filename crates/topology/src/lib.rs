//! Owns the topology as data: services, ports, exposure, routes, dependencies and middleware, read from `topology.yaml`;
//! the addresses of the all-in-one; and their renderings (table, mermaid, JSON, Markdown).
//! Never says by itself what is built (the code's registry does) and never opens a socket.
//! Known limits: the file is embedded when compiled; an operator moves ports by configuration, not by editing it.

mod address;
mod error;
mod load;
mod model;
pub mod render;
mod validate;

pub use address::{Addresses, DEMO, GATEWAY, INSTANCES_MAX, NETWORK};
pub use error::TopologyError;
pub use model::{
    Audience, EdgeHop, Exposure, Kind, Middleware, Namespace, Port, Protocol, Route, Service, Settings, Sidecar,
    Topology, Upstream,
};
