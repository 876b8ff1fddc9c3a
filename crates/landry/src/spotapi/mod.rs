//! landry-spotapi-web (8080): the public spot API, compatible with Binance Spot REST (`/api/v3/*`, and the `/sapi/v1/*`
//! that clients ask for) and WebSocket API (`/ws-api/v3`).
//!
//! One table of endpoints ([`endpoint`]) serves both doors: REST and WebSocket API check key, signature, permission and
//! limits, and then call the same handler. Pre-trade work only; every rule that money depends on is in the engine.

pub mod call;
pub mod endpoint;
pub mod params;

mod app;
mod market;

pub use app::{App, Handles};
