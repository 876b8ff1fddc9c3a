//! The trading core's messages (`matchengine.proto`) from and to the core's own types.
//!
//! `pb::X::from(&core)` never fails; `Core::try_from(pb)` refuses what the core's types cannot hold and names the field.
//! Whether a command makes sense is the state machine's to say.

mod basics;
mod candles;
mod command;
mod event;
mod spec;
#[cfg(test)]
mod tests;
mod view;

pub use basics::Invalid;

use crate::exchange::v1 as pb;
