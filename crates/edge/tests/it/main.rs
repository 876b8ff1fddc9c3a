//! The gateway from outside: raw bytes in, and what a service behind it gets to see.

mod forward;
mod framing;
mod hosts;
mod limits;
mod nodes;
mod reload;
mod routes;
mod settings;
mod tls;
mod upgrade;
mod world;
