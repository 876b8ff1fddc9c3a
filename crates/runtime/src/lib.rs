//! Owns input and output: services, operation log, bus, store, cache, configuration, telemetry, internal authentication.
//! Never holds business rules and never reaches into another layer's state.
//! Known limits: embedded back ends only (files, channels, SQLite).

pub mod auth;
pub mod bus;
pub mod cache;
pub mod config;
pub mod engine;
pub mod oplog;
pub mod registry;
pub mod service;
pub mod shard;
pub mod storage;
pub mod store;
pub mod telemetry;
pub mod topics;
