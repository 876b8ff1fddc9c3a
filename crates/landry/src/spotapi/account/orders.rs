//! `GET /api/v3/order`, `openOrders`, `allOrders` and `order/amendments`.

use allin_core::ids::{OrderId, Seq, Timestamp};
use allin_core::spot::view::OrderView;
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{AmendmentsRequest, OrdersRequest, PreventedMatchesRequest};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::history;
use super::super::market::limit::{limit, span};
use super::super::order_text::{OrderText, is_zero};
use super::super::params::Params;
use super::super::trade::cancel::{self, Named};
use super::super::trade::reject::not_taken;
use super::commission::unexpected;
use crate::decimals::Padded;

/// Orders of one question to the engine.
const PAGE: u32 = 10_000;

fn no_such_order() -> Failure {
    ApiError::new(Code::NoSuchOrder, "Order does not exist.").into()
}

pub(super) async fn one(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let named = Named::read(&call.params, "orderId", "origClientOrderId")?;
    call.params.all_read()?;
    let user = call.user();
    let (open, seq) = cancel::open(app, user, &market, &named).await.map_err(not_taken)?;
    if let Some(view) = open {
        let mut texts = [OrderText::open(&market, &view)];
        name_matches_of_open(app, call, seq, &mut texts).await;
        return json(&texts[0].query(call.time_unit));
    }
    let found = match (named.order, named.client_id) {
        (Some(order), _) => history::order(app, seq, user, order).await?,
        (None, Some(client_id)) => history::order_of_client(app, seq, user, client_id.as_str()).await?,
        (None, None) => None,
    };
    let fits = |client_id: &str| named.client_id.is_none_or(|named| named.as_str() == client_id);
    let found = found.filter(|order| order.market == market.symbol() && fits(&order.client_id));
    let Some(order) = found else { return Err(no_such_order()) };
    let mut texts = [OrderText::history(order)];
    name_matches(app, call, seq, &mut texts).await?;
    json(&texts[0].query(call.time_unit))
}

/// `preventedMatchId` of the orders that lost something to self-trade prevention: the newest match's.
async fn name_matches(app: &App, call: &Call, seq: Seq, texts: &mut [OrderText]) -> Result<(), Failure> {
    for text in texts.iter_mut().filter(|text| !is_zero(&text.prevented)) {
        let (user, order) = (call.user().0, text.order);
        let request = PreventedMatchesRequest { user, order, limit: 1000, ..Default::default() };
        let ask = || app.handles.history.prevented_matches(tonic::Request::new(request));
        text.prevented_match = history::ask(app, seq, ask).await?.matches.last().map(|found| found.r#match);
    }
    Ok(())
}

/// The same of open orders, which are told whether history is there or not: without it they lack that number.
async fn name_matches_of_open(app: &App, call: &Call, seq: Seq, texts: &mut [OrderText]) {
    if name_matches(app, call, seq, texts).await.is_err() {
        metrics::counter!("spotapi_matches_not_named_total").increment(1);
    }
}

/// Oldest first.
pub(super) async fn open(app: &App, call: &Call) -> Outcome {
    let market = match call.params.get("symbol")? {
        Some(symbol) => Some(app.market(symbol)?),
        None => None,
    };
    call.params.all_read()?;
    let mut views: Vec<OrderView> = Vec::new();
    let seq = loop {
        let query = Query::OpenOrders {
            user: call.user(),
            market: market.as_ref().map(|market| market.spec.id),
            side: None,
            offset: views.len() as u32,
            limit: PAGE,
        };
        let answer = app.handles.engine.query(query).await.map_err(not_taken)?;
        let AnswerBody::Orders { orders, total } = answer.body else { return Err(unexpected()) };
        let last = orders.is_empty();
        views.extend(orders);
        if last || views.len() as u64 >= total {
            break answer.seq;
        }
    };
    // Between two pages orders may have come and gone.
    views.sort_by_key(|view| view.order);
    views.dedup_by_key(|view| view.order);
    let markets = app.markets();
    let mut texts: Vec<OrderText> = views
        .iter()
        .filter_map(|view| markets.by_id(view.new.market).map(|market| OrderText::open(market, view)))
        .collect();
    name_matches_of_open(app, call, seq, &mut texts).await;
    json(&texts.iter().map(|text| text.query(call.time_unit)).collect::<Vec<_>>())
}

/// `startTime` and `endTime` of endpoints that look at a day at most (-1127), in microseconds; 0 where there is none. The
/// end is the first moment after the span.
pub(super) fn day(params: &Params) -> Result<(u64, u64), ApiError> {
    let (start, end) = span(params)?;
    if let (Some(start), Some(end)) = (start, end)
        && end.0 - start.0 > Timestamp::DAY + 1000
    {
        let msg = "More than 24 hours between startTime and endTime.";
        return Err(ApiError::new(Code::MoreThanXxHours, msg));
    }
    Ok((start.map_or(0, |start| start.0.max(1)), end.map_or(0, |end| end.0)))
}

/// By id or from a start, oldest first from there; otherwise the newest. Always told oldest first.
pub(super) async fn all(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    let from = params.u64("orderId")?;
    let (start_us, end_us) = day(params)?;
    let limit = limit(params, 500, 1000)?;
    params.all_read()?;
    let oldest_first = from.is_some() || start_us != 0;
    let request = OrdersRequest {
        user: call.user().0,
        market: market.symbol().to_owned(),
        side: 0,
        start_us,
        end_us,
        offset: 0,
        limit,
        finished: false,
        from_order: if oldest_first { from.unwrap_or(0).max(1) } else { 0 },
    };
    let seq = history::now(app).await?;
    let ask = || app.handles.history.orders(tonic::Request::new(request.clone()));
    let mut orders = history::ask(app, seq, ask).await?.orders;
    if !oldest_first {
        orders.reverse();
    }
    let mut texts: Vec<OrderText> = orders.into_iter().map(OrderText::history).collect();
    name_matches(app, call, seq, &mut texts).await?;
    json(&texts.iter().map(|text| text.query(call.time_unit)).collect::<Vec<_>>())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Amendment<'a> {
    symbol: &'a str,
    order_id: u64,
    execution_id: u64,
    orig_client_order_id: String,
    new_client_order_id: String,
    orig_qty: String,
    new_qty: String,
    time: u64,
}

pub(super) async fn amendments(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    params.required("orderId")?;
    let order = OrderId(params.u64("orderId")?.unwrap_or(0).min(i64::MAX as u64));
    let from_seq = params.u64("fromExecutionId")?.unwrap_or(0);
    let limit = limit(params, 500, 1000)?;
    params.all_read()?;
    let user = call.user();
    let seq = history::now(app).await?;
    let found = history::order(app, seq, user, order).await?;
    if found.is_none_or(|found| found.market != market.symbol()) {
        return Err(no_such_order());
    }
    let request = AmendmentsRequest { user: user.0, order: order.0, from_seq, limit };
    let reply = history::ask(app, seq, || app.handles.history.amendments(tonic::Request::new(request))).await?;
    let tell = |amendment: allin_wire::exchange::v1::Amendment| Amendment {
        symbol: market.symbol(),
        order_id: order.0,
        execution_id: amendment.seq,
        orig_client_order_id: amendment.old_client_id,
        new_client_order_id: amendment.new_client_id,
        orig_qty: amendment.old_qty,
        new_qty: amendment.new_qty,
        time: call.time(Timestamp(amendment.at_us)),
    };
    json(&reply.amendments.padded().into_iter().map(tell).collect::<Vec<_>>())
}
