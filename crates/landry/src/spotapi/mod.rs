//! landry-spotapi-web (8080): the public spot API, compatible with Binance Spot REST (`/api/v3/*`, and the `/sapi/v1/*`
//! that clients ask for) and WebSocket API (`/ws-api/v3`).
//!
//! One table of endpoints ([`endpoint`]) serves both doors: REST and WebSocket API check key, signature, permission and
//! limits, and then call the same handler. Pre-trade work only; every rule that money depends on is in the engine.

pub mod call;
pub mod dispatch;
pub mod endpoint;
pub mod params;
pub mod security;

mod account;
mod app;
mod config;
mod fills;
mod form;
mod history;
mod http;
mod keys;
mod limits;
mod list_text;
mod listen_keys;
pub(crate) mod market;
mod markets;
mod order_text;
mod random_text;
mod run;
mod sapi;
mod server;
mod trade;
mod wsapi;

pub use app::{App, Handles};
pub use config::SpotApiSection;
pub(crate) use http::client_address;
pub use limits::{Rules, Usage};
pub use listen_keys::SCHEMA;
pub(crate) use listen_keys::look_up;
pub use markets::{Market, Markets, number_error};
pub use run::start;
