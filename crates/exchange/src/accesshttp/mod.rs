//! Owns the role accesshttp (8080): the trading domain as JSON over HTTP, in the methods, parameters, results and error
//! codes of ViaBTC Exchange Server, so that a back end written for it runs unchanged (docs/accesshttp.md).
//! Never decides about orders or money: it turns requests into commands and queries, and events into results. Never
//! answers bad input with a 5xx, and never answers a command before it is durable.
//! Known limits: spot only; `deal_fee` of an order that rested before the role started comes from history, which is
//! waited for shortly.

mod asset;
mod balance;
mod config;
mod error;
mod fees;
mod http;
mod market;
mod number;
mod order;
mod run;
mod state;

pub use config::Config;
pub use run::{Handles, start};

/// The role's name: its configuration section and the prefix of its metrics.
pub const ROLE: &str = "accesshttp";
