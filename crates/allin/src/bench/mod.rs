//! Owns the benchmarks: each runs a named workload beside something to compare it with, in one run, and says whether its
//! goal is met.
//! Never judges from one run: a rate is a median and a 10th percentile.

pub mod core;
mod core_run;
pub mod depth;
pub mod durable;
pub mod fanout;
mod fanout_blast;
mod fanout_clients;
mod fanout_idle;
pub mod history;
pub mod http;
pub mod kafka;
mod known;
mod load;
pub mod markets;
mod open_loop;
mod population;
mod public;
pub mod rest;
mod shard;
mod silent;
pub mod snapshot;
mod snapshot_live;
mod stream;
mod table;
mod websocket;
pub mod wsapi;

pub use table::{Row, markdown, number};
