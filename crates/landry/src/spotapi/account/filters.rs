//! `GET /api/v3/myFilters`: an account has no filters of its own; those of the market that count its orders are told.

use serde_json::{Value, json};

use super::super::app::App;
use super::super::call::{self, Call, Outcome};
use super::super::market::filters;

pub(super) async fn mine(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    call.params.all_read()?;
    let counts = |filter: &Value| filter["filterType"].as_str().is_some_and(|kind| kind.starts_with("MAX_"));
    let symbol_filters: Vec<Value> =
        filters::of(&market).iter().filter_map(|filter| serde_json::to_value(filter).ok()).filter(counts).collect();
    call::json(&json!({ "exchangeFilters": [], "symbolFilters": symbol_filters, "assetFilters": [] }))
}
