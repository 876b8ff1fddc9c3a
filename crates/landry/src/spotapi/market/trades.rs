//! `trades`, `historicalTrades`, `historicalBlockTrades`.

use allin_core::ids::Timestamp;
use allin_wire::exchange::v1::{Deal, MarketDeal, MarketDealsRequest};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Outcome, json};
use super::{ask, limit, select};

const LIMIT: u32 = 500;
const LIMIT_MAX: u32 = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trade {
    id: u64,
    price: String,
    qty: String,
    quote_qty: String,
    time: u64,
    is_buyer_maker: bool,
    /// Of old a mark of quality; always true.
    is_best_match: bool,
}

pub async fn recent(app: &App, call: &Call) -> Outcome {
    let market = select::one(app, call)?;
    let limit = limit::limit(&call.params, LIMIT, LIMIT_MAX)?;
    call.params.all_read()?;
    let deals = ask::newest_trades(app, &market, limit).await?;
    json(&deals.into_iter().rev().map(|deal| of_deal(call, deal)).collect::<Vec<_>>())
}

pub async fn historical(app: &App, call: &Call) -> Outcome {
    let market = select::one(app, call)?;
    let limit = limit::limit(&call.params, LIMIT, LIMIT_MAX)?;
    let from = call.params.u64("fromId")?;
    call.params.all_read()?;
    let Some(from) = from else {
        let deals = ask::newest_trades(app, &market, limit).await?;
        return json(&deals.into_iter().rev().map(|deal| of_deal(call, deal)).collect::<Vec<_>>());
    };
    let request = MarketDealsRequest {
        market: market.symbol().to_owned(),
        from_trade: from.max(1),
        limit,
        ..MarketDealsRequest::default()
    };
    let deals = ask::history(app, request).await?;
    json(&deals.into_iter().map(|deal| of_history(call, deal)).collect::<Vec<_>>())
}

/// Nothing is traded outside of the books here.
pub async fn block(app: &App, call: &Call) -> Outcome {
    select::one(app, call)?;
    call.params.required("fromId")?;
    call.params.u64("fromId")?;
    limit::limit(&call.params, LIMIT, LIMIT_MAX)?;
    call.params.all_read()?;
    json(&[(); 0])
}

fn of_deal(call: &Call, deal: Deal) -> Trade {
    Trade {
        id: deal.trade,
        price: deal.price,
        qty: deal.qty,
        quote_qty: deal.quote,
        time: call.time(Timestamp(deal.at_us)),
        is_buyer_maker: !deal.taker_is_buyer,
        is_best_match: true,
    }
}

fn of_history(call: &Call, deal: MarketDeal) -> Trade {
    Trade {
        id: deal.trade,
        price: deal.price,
        qty: deal.qty,
        quote_qty: deal.quote,
        time: call.time(Timestamp(deal.at_us)),
        is_buyer_maker: !deal.taker_is_buyer,
        is_best_match: true,
    }
}
