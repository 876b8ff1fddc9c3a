//! The table of endpoints: what REST and WebSocket API serve, who may call it, and what it costs.

use futures::future::BoxFuture;

use super::app::App;
use super::call::{Call, Outcome};
use super::market;
use super::params::Params;

/// Who may call (Binance Spot REST, "Endpoint security type").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Anybody.
    None,
    /// A key, unsigned (`historicalTrades`, listen keys).
    ApiKey,
    /// Signed, with the permission to read.
    UserData,
    /// Signed, with the permission to trade spot.
    Trade,
    /// Signed, with the permission to withdraw; the key must have an address list.
    Withdraw,
}

/// Request weight, known once the parameters are.
#[derive(Clone, Copy)]
pub enum Weight {
    Fixed(u32),
    Of(fn(&Params) -> u32),
}

/// One endpoint, by both of its doors.
pub struct Endpoint {
    /// `GET /api/v3/time`; several when a path has aliases. Empty: not in REST.
    pub rest: &'static [(&'static str, &'static str)],
    /// Methods of the WebSocket API. Empty: not there.
    pub ws: &'static [&'static str],
    pub security: Security,
    pub weight: Weight,
    /// Orders that count against the order limits, for an order placed.
    pub orders: u32,
    pub handler: Handler,
}

/// Borrows the call; its answer is whole when the future ends.
pub type Handler = for<'a> fn(&'a App, &'a Call) -> BoxFuture<'a, Outcome>;

/// All of them, one list a folder.
pub fn all() -> impl Iterator<Item = &'static Endpoint> {
    [market::ENDPOINTS].into_iter().flatten()
}
