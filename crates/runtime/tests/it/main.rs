//! The runtime layer against real files and a real environment.

mod auth;
mod cache;
mod config;
mod oplog;
mod registry;
mod shard;
mod store;
