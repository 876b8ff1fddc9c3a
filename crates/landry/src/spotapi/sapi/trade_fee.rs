//! What trading costs the account.

use allin_core::num::{FeeRate, decimal};
use allin_runtime::engine::{AnswerBody, Query};
use serde::Serialize;

use super::super::call::json;
use super::{App, Call, Failure, Outcome, engine_away};

/// Decimals of a fee rate.
const RATE_SCALE: u8 = 8;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TradeFee<'a> {
    symbol: &'a str,
    maker_commission: &'a str,
    taker_commission: &'a str,
}

pub async fn trade_fee(app: &App, call: &Call) -> Outcome {
    let markets = match call.params.get("symbol")? {
        Some(symbol) => vec![app.market(symbol)?],
        None => app.markets().all().to_vec(),
    };
    call.params.all_read()?;
    let answer = app.handles.engine.query(Query::Fees(call.user())).await.map_err(engine_away)?;
    let AnswerBody::Fees(fees) = answer.body else {
        return Err(Failure::away("Internal error; unable to process your request. Please try again."));
    };
    let rate = |rate: FeeRate| decimal::format(rate.0.into(), RATE_SCALE);
    let (maker, taker) = (rate(fees.rates.maker), rate(fees.rates.taker));
    let row = |market| TradeFee { symbol: market, maker_commission: &maker, taker_commission: &taker };
    json(&markets.iter().map(|market| row(market.symbol())).collect::<Vec<_>>())
}
