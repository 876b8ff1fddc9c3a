//! `GET /api/v3/myPreventedMatches`.

use allin_core::ids::{OrderId, Seq, Timestamp, UserId};
use allin_core::spot::command::StpMode;
use allin_wire::binance::{ApiError, Code, stp_name};
use allin_wire::exchange::v1::{PreventedMatch, PreventedMatchesRequest};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::history;
use super::super::market::limit::limit;
use super::super::order_text::is_zero;
use crate::decimals::{Padded, difference};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    taker_prevented_quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maker_prevented_quantity: Option<String>,
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
    let mut told = Vec::new();
    for found in reply.matches.padded().into_iter().filter(|found| found.market == market.symbol()) {
        // DECREMENT takes off both what would have traded.
        let both = found.self_trade_prevention == stp_name(StpMode::Decrement);
        let loses =
            |side: &str| both || found.self_trade_prevention == side || found.self_trade_prevention == "EXPIRE_BOTH";
        let taker = loses("EXPIRE_TAKER").then_some((found.taker_user, found.taker_order));
        let maker = loses("EXPIRE_MAKER").then_some((found.maker_user, found.maker_order));
        told.push(Prevented {
            taker_prevented_quantity: lost(app, seq, &found, taker, both).await?,
            maker_prevented_quantity: lost(app, seq, &found, maker, both).await?,
            maker_symbol: found.market.clone(),
            symbol: found.market,
            prevented_match_id: found.r#match,
            taker_order_id: found.taker_order,
            maker_order_id: found.maker_order,
            trade_group_id: if found.maker_user == found.taker_user {
                -1
            } else {
                i64::try_from(master.0).unwrap_or(-1)
            },
            self_trade_prevention_mode: found.self_trade_prevention,
            price: found.price,
            transact_time: call.time(Timestamp(found.at_us)),
        });
    }
    json(&told)
}

/// What a match that was prevented took off one of its two orders: all that was left of it when the match ended it. History has that
/// of the order: its quantity less what was filled, and less what earlier matches took off.
async fn lost(
    app: &App,
    seq: Seq,
    found: &PreventedMatch,
    order: Option<(u64, u64)>,
    both: bool,
) -> Result<Option<String>, Failure> {
    let Some((user, order)) = order else { return Ok(None) };
    if both {
        return Ok(Some(found.qty.clone()));
    }
    let Some(order) = history::order(app, seq, UserId(user), OrderId(order)).await?.map(Padded::padded) else {
        return Ok(None);
    };
    // By quote amount: what would have traded is all that is known.
    if is_zero(&order.qty) {
        return Ok(Some(found.qty.clone()));
    }
    let open = difference(&order.qty, &order.filled);
    let earlier = difference(&order.prevented, &found.qty);
    Ok(open.zip(earlier).and_then(|(open, earlier)| difference(&open, &earlier)))
}
