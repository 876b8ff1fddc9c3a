//! General and market data endpoints (Binance Spot REST, "General endpoints", "Market Data endpoints").

use super::app::App;
use super::call::{Call, Outcome, json};
use super::endpoint::{Endpoint, Security, Weight};

pub static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        rest: &[("GET", "/api/v3/ping")],
        ws: &["ping"],
        security: Security::None,
        weight: Weight::Fixed(1),
        orders: 0,
        handler: |app, call| Box::pin(ping(app, call)),
    },
    Endpoint {
        rest: &[("GET", "/api/v3/time")],
        ws: &["time"],
        security: Security::None,
        weight: Weight::Fixed(1),
        orders: 0,
        handler: |app, call| Box::pin(time(app, call)),
    },
];

async fn ping(_: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    json(&serde_json::json!({}))
}

async fn time(_: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    json(&serde_json::json!({ "serverTime": call.time(call.now) }))
}
