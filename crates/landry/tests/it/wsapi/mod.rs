//! The WebSocket API.

mod client;
mod market;
mod orders;
mod sessions;
mod wire;
