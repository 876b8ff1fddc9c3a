//! HTTP/1.1 with JSON: connections, who calls, bodies, the table of routes, the interface's description.

pub mod body;
pub mod caller;
pub mod openapi;
pub mod routes;
pub mod serve;
pub mod text;
