//! The shared cache in Redis 7 or Valkey: values with an end of life, and messages.
//!
//! Never the only place of anything: what is in it may be flushed at any time. Connections are made when they are first
//! needed and again when they are lost; every operation has a deadline, and fails in the meantime.

mod cache;
mod config;
mod link;
mod look;
mod subscription;

pub use cache::RedisCache;
pub use config::CacheSection;
pub use look::Look;
