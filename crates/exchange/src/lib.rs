//! Owns the roles that spot (CES) and futures (Narwhal) share, one folder a role; the product is a value passed in.
//! Never compares service names and never reaches around the runtime's traits for storage or bus.
//! Known limits: spot only so far.

pub mod accesshttp;
pub mod aggregates;
pub mod cachecenter;
pub mod catalog;
pub mod clock;
pub mod follow;
pub mod guard;
mod heads;
pub mod health;
pub mod history_schema;
pub mod historyreader;
pub mod historywriter;
pub mod inside;
pub mod listing;
pub mod marketprice;
pub mod matchengine;
pub mod monitorcenter;
pub mod remote;
pub mod service;
pub mod topics;
pub mod tradesummary;
pub mod unread;
pub mod worded;
