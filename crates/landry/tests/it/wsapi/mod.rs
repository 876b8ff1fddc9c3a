//! The WebSocket API.

mod client;
mod market;
mod sessions;
mod wire;
