//! The role matchengine (7316): the trading core for other processes, over gRPC (`matchengine.proto`).
//!
//! Owns the service that gives away a shard's engine and bus, and [`RemoteEngine`], which is both of them again on the
//! other side: whatever is written for [`Engine`] and [`EventBus`] runs in another process unchanged.
//! Never answers without the internal token, and never says more than the engine does: what is not durable is not told.
//! Known limits: one connection a remote engine; its commands share one stream.

mod client;
mod config;
mod convert;
mod error;
mod names;
mod remote;
mod run;
mod server;

pub use config::MatchEngineSection;
pub use remote::RemoteEngine;
pub use run::{Handles, start};

#[cfg(doc)]
use allin_runtime::engine::{Engine, EventBus};

/// The role's name: its configuration section and the prefix of its metrics.
pub const ROLE: &str = "matchengine";
