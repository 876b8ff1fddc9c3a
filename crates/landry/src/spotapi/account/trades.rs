//! `GET /api/v3/myTrades` and `myAllocations`.

use allin_core::ids::{OrderId, Timestamp};
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{OrderDealsRequest, UserDeal, UserDealsRequest};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::history;
use super::super::market::limit::limit;
use super::super::order_text::list_id;
use super::orders::day;
use crate::decimals::Padded;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trade {
    symbol: String,
    id: u64,
    order_id: u64,
    order_list_id: i64,
    price: String,
    qty: String,
    quote_qty: String,
    commission: String,
    commission_asset: String,
    time: u64,
    is_buyer: bool,
    is_maker: bool,
    is_best_match: bool,
}

fn trade(call: &Call, deal: UserDeal) -> Trade {
    let deal = deal.padded();
    Trade {
        symbol: deal.market,
        id: deal.trade,
        order_id: deal.order,
        order_list_id: list_id(deal.list),
        price: deal.price,
        qty: deal.qty,
        quote_qty: deal.quote,
        commission: deal.fee,
        commission_asset: deal.fee_asset,
        time: call.time(Timestamp(deal.at_us)),
        is_buyer: deal.side == 2,
        is_maker: deal.maker,
        is_best_match: true,
    }
}

/// Of an order, or from an id, or from a start, oldest first from there; otherwise the newest. Always told oldest first.
pub(super) async fn mine(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    let order = params.u64("orderId")?.map(|id| OrderId(id.min(i64::MAX as u64)));
    let from = params.u64("fromId")?;
    let (start_us, end_us) = day(params)?;
    let limit = limit(params, 500, 1000)?;
    params.all_read()?;
    if (order.is_some() || from.is_some()) && (start_us != 0 || end_us != 0) {
        let msg = "Combination of optional parameters invalid.";
        return Err(ApiError::new(Code::OptionalParamsBadCombo, msg).into());
    }
    let oldest_first = order.is_some() || from.is_some() || start_us != 0;
    let from_trade = if oldest_first { from.unwrap_or(0).max(1) } else { 0 };
    let deals = match order {
        Some(order) => of_order(app, call, market.symbol(), order, from_trade, limit).await?,
        None => {
            let request = UserDealsRequest {
                user: call.user().0,
                market: market.symbol().to_owned(),
                side: 0,
                start_us,
                end_us,
                offset: 0,
                limit,
                from_trade,
            };
            let seq = history::now(app).await?;
            let ask = || app.handles.history.user_deals(tonic::Request::new(request.clone()));
            history::ask(app, seq, ask).await?.deals
        }
    };
    let mut trades: Vec<Trade> = deals.into_iter().map(|deal| trade(call, deal)).collect();
    if !oldest_first {
        trades.reverse();
    }
    json(&trades)
}

/// Others' orders have no trades for this caller, and neither have those of other markets.
async fn of_order(
    app: &App,
    call: &Call,
    market: &str,
    order: OrderId,
    from_trade: u64,
    limit: u32,
) -> Result<Vec<UserDeal>, Failure> {
    let (user, seq) = (call.user(), history::now(app).await?);
    let found = history::order(app, seq, user, order).await?;
    if found.is_none_or(|found| found.market != market) {
        return Ok(Vec::new());
    }
    let request = OrderDealsRequest { order: order.0, offset: 0, limit, from_trade };
    let reply = history::ask(app, seq, || app.handles.history.order_deals(tonic::Request::new(request))).await?;
    Ok(reply.deals.into_iter().filter(|deal| deal.user == user.0).collect())
}

/// There is no smart order routing, and so there are no allocations.
pub(super) async fn allocations(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    app.market(params.required("symbol")?)?;
    day(params)?;
    for name in ["fromAllocationId", "orderId"] {
        params.u64(name)?;
    }
    limit(params, 500, 1000)?;
    params.all_read()?;
    json(&[(); 0])
}
