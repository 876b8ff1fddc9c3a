//! General and market data endpoints (Binance Spot REST, "General endpoints", "Market Data endpoints"; the WebSocket API
//! has the same under other names).
//!
//! Books come from cachecenter, klines and windows from marketprice, old trades from history. Never asks the engine.

mod agg_trades;
mod ask;
mod avg_price;
pub(crate) mod change;
mod depth;
mod exchange_info;
pub(super) mod filters;
mod klines;
pub(super) mod limit;
mod pictures;
mod select;
mod ticker;
mod tops;
mod trades;
mod weight;

use super::app::App;
use super::call::{Call, Failure, Outcome, json};
use super::endpoint::{Endpoint, Security, Weight};

pub use super::markets::Market;
pub use ask::refused as ask_refused;
pub use exchange_info::{RateLimit, rate_limits};
pub use limit::{limit, span};
pub use pictures::Pictures;

/// A public endpoint with both names.
macro_rules! public {
    ($path:literal, $ws:literal, $weight:expr, $handler:path) => {
        Endpoint {
            rest: &[("GET", $path)],
            ws: &[$ws],
            security: Security::None,
            weight: $weight,
            free_when_done: false,
            orders: 0,
            cancels_over_limit: false,
            handler: |app, call| Box::pin($handler(app, call)),
        }
    };
}

pub static ENDPOINTS: &[Endpoint] = &[
    public!("/api/v3/ping", "ping", Weight::Fixed(1), ping),
    public!("/api/v3/time", "time", Weight::Fixed(1), time),
    public!("/api/v3/exchangeInfo", "exchangeInfo", Weight::Fixed(20), exchange_info::exchange_info),
    public!(
        "/api/v3/executionRules",
        "executionRules",
        Weight::Of(weight::execution_rules),
        exchange_info::execution_rules
    ),
    public!("/api/v3/depth", "depth", Weight::Of(weight::depth), depth::depth),
    public!("/api/v3/trades", "trades.recent", Weight::Fixed(25), trades::recent),
    public!("/api/v3/historicalTrades", "trades.historical", Weight::Fixed(25), trades::historical),
    public!("/api/v3/historicalBlockTrades", "blockTrades.historical", Weight::Fixed(25), trades::block),
    public!("/api/v3/aggTrades", "trades.aggregate", Weight::Fixed(4), agg_trades::aggregate),
    public!("/api/v3/klines", "klines", Weight::Fixed(2), klines::klines),
    public!("/api/v3/uiKlines", "uiKlines", Weight::Fixed(2), klines::klines),
    public!("/api/v3/avgPrice", "avgPrice", Weight::Fixed(2), avg_price::avg_price),
    public!("/api/v3/ticker/24hr", "ticker.24hr", Weight::Of(weight::ticker_24hr), ticker::day),
    public!("/api/v3/ticker/tradingDay", "ticker.tradingDay", Weight::Of(weight::ticker_window), ticker::trading_day),
    public!("/api/v3/ticker", "ticker", Weight::Of(weight::ticker_window), ticker::rolling),
    public!("/api/v3/ticker/price", "ticker.price", Weight::Of(weight::ticker_top), tops::price),
    public!("/api/v3/ticker/bookTicker", "ticker.book", Weight::Of(weight::ticker_top), tops::book),
    public!("/api/v3/referencePrice", "referencePrice", Weight::Fixed(2), exchange_info::reference_price),
    public!(
        "/api/v3/referencePrice/calculation",
        "referencePrice.calculation",
        Weight::Fixed(2),
        exchange_info::reference_price
    ),
];

/// The price of the last trade, 0 before the first.
pub async fn last_price(app: &App, market: &Market) -> Result<String, Failure> {
    Ok(pictures::top(app, market).await?.last.clone())
}

async fn ping(_: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    Ok(bytes::Bytes::from_static(b"{}"))
}

async fn time(_: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    json(&serde_json::json!({ "serverTime": call.time(call.now) }))
}
