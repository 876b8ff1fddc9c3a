//! The roles, each started with port 0 and the handles it needs.

mod accesshttp;
mod cachecenter;
mod cut;
mod flow;
mod guarded;
mod history;
mod marketprice;
mod matchengine;
mod monitorcenter;
mod remote;
mod service;
mod settings;
mod tape;
mod topics;
mod tradesummary;
