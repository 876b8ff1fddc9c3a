//! The spot state machine: accounts, markets and orders; [`Spot::apply`] is the only way to change them.
//!
//! One verb, one file: `place`, `close` (cancel), `change` (amend, move, reduce, cancel-replace), `lists`, `stops`,
//! `auction`, `funding`, `timers`, `admin`; `matching` and `fees` are what they share, `filters` what they check.

mod admin;
mod ahead;
mod apply;
mod auction;
mod change;
mod clients;
mod close;
pub mod command;
mod digesting;
pub mod event;
mod fees;
mod filters;
mod funding;
mod lists;
mod matching;
mod place;
mod query;
pub mod reject;
mod snapshot;
pub mod spec;
mod state;
mod stops;
mod taker;
mod timers;
pub mod view;

pub use ahead::Ahead;
pub use snapshot::{Both, InTurn, RestoreError};
pub use state::{Limits, Spot};
