//! The WebSocket API.

pub mod client;
mod frames;
mod market;
mod orders;
mod sessions;
mod wire;
