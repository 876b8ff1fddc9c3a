//! `GET /api/v3/myPreventedMatches`.

use allin_core::ids::Timestamp;
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{PreventedMatch, PreventedMatchesRequest};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Outcome, json};
use super::super::history;
use super::super::market::limit::limit;
use crate::decimals::Padded;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prevented {
    symbol: String,
    prevented_match_id: u64,
    taker_order_id: u64,
    maker_symbol: String,
    maker_order_id: u64,
    /// The group of accounts that the two orders belong to: its master account, or -1 for one account with itself.
    trade_group_id: i64,
    self_trade_prevention_mode: String,
    price: String,
    maker_prevented_quantity: String,
    transact_time: u64,
}

pub(super) async fn mine(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    let (id, order) = (params.u64("preventedMatchId")?, params.u64("orderId")?);
    let from = params.u64("fromPreventedMatchId")?;
    let limit = limit(params, 500, 1000)?;
    params.all_read()?;
    if id.is_some() == order.is_some() || (id.is_some() && from.is_some()) {
        let msg = "Combination of optional parameters invalid.";
        return Err(ApiError::new(Code::OptionalParamsBadCombo, msg).into());
    }
    let user = call.user();
    let request = PreventedMatchesRequest {
        user: user.0,
        r#match: id.unwrap_or(0),
        order: order.unwrap_or(0),
        from_match: from.unwrap_or(0),
        limit,
    };
    // Numbers count from 1.
    if request.r#match == 0 && request.order == 0 {
        return json(&[(); 0]);
    }
    let seq = history::now(app).await?;
    let reply = history::ask(app, seq, || app.handles.history.prevented_matches(tonic::Request::new(request))).await?;
    let master = match app.handles.directory.account(user).await {
        Ok(Some(facts)) => facts.master,
        _ => user,
    };
    let tell = |found: PreventedMatch| Prevented {
        maker_symbol: found.market.clone(),
        symbol: found.market,
        prevented_match_id: found.r#match,
        taker_order_id: found.taker_order,
        maker_order_id: found.maker_order,
        trade_group_id: if found.maker_user == found.taker_user { -1 } else { i64::try_from(master.0).unwrap_or(-1) },
        self_trade_prevention_mode: found.self_trade_prevention,
        price: found.price,
        maker_prevented_quantity: found.qty,
        transact_time: call.time(Timestamp(found.at_us)),
    };
    let of_market = reply.matches.padded().into_iter().filter(|found| found.market == market.symbol());
    json(&of_market.map(tell).collect::<Vec<_>>())
}
