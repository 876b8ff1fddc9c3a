//! The spot state machine: accounts, markets and orders; [`Spot::apply`] is the only way to change them.

pub mod command;
pub mod event;
pub mod reject;
pub mod spec;
pub mod view;
