//! Placing and cancelling order lists.

use allin_core::ids::ListId;
use allin_core::num::QtyLots;
use allin_core::spot::command::{Command, ListOrders, NewList, NewOrder, OrderKind, Side, TimeInForce};
use allin_core::spot::event::{Contingency, Event};
use allin_core::spot::reject::Reject;
use allin_core::text::ClientId;
use allin_runtime::engine::Reply;
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{HistoryList, ListedOrder, ListsRequest};

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::history;
use super::super::list_text::{self, ListText};
use super::super::markets::Market;
use super::cancel::Ended;
use super::parse::{Known, Leg, Respond, read_client_id, read_respond, read_stp};
use super::reject::{Asked, not_taken, refused};
use super::{client_id, place, report};

fn leg<'a>(call: &'a Call, market: &'a Market, prefix: &'static str) -> Leg<'a> {
    Leg { params: &call.params, market, prefix }
}

/// A quantity that the legs of a pair share.
fn shared_qty(call: &Call, market: &Market, name: &'static str) -> Result<QtyLots, ApiError> {
    call.params.required(name)?;
    leg(call, market, "").qty(name)
}

/// Two legs of one side and quantity, checked as far as types and prices say what is wrong.
pub(super) fn pair(
    call: &Call,
    market: &Market,
    side: Side,
    qty: QtyLots,
    [above, below]: [&'static str; 2],
) -> Result<(NewOrder, NewOrder), ApiError> {
    let stp = read_stp(&call.params)?;
    let read = |prefix| {
        let leg = leg(call, market, prefix);
        let kind = leg.kind()?;
        if matches!(kind, OrderKind::Limit | OrderKind::Market) {
            return Err(ApiError::new(Code::OcoTypeRejected, "Order type not supported in OCO."));
        }
        leg.order(Known { user: call.user(), side, kind, stp, qty: Some(qty), client_id: "clientOrderId" })
    };
    let (above, below) = (read(above)?, read(below)?);
    check_pair(&above, &below)?;
    Ok((above, below))
}

fn check_pair(above: &NewOrder, below: &NewOrder) -> Result<(), ApiError> {
    let refuse = |code, msg| Err(ApiError::new(code, msg));
    let limit = |order: &NewOrder| order.kind == OrderKind::LimitMaker;
    if limit(above) && limit(below) {
        return refuse(Code::BothOcoOrdersCannotBeLimit, "At least one OCO order must be contingent.");
    }
    let takes_profit = |order: &NewOrder| matches!(order.kind, OrderKind::TakeProfit | OrderKind::TakeProfitLimit);
    match above.side {
        Side::Sell if limit(below) => {
            return refuse(Code::SellOcoLimitMustBeAbove, "A limit order in a sell OCO must be above.");
        }
        Side::Sell if above.kind.is_stop_loss() => {
            return refuse(Code::SellOcoStopLossMustBeBelow, "A stop loss order in a sell OCO must be below.");
        }
        Side::Sell if takes_profit(below) => {
            return refuse(Code::SellOcoTakeProfitMustBeAbove, "A take profit order in a sell OCO must be above.");
        }
        Side::Buy if limit(above) => {
            return refuse(Code::BuyOcoLimitMustBeBelow, "A limit order in a buy OCO must be below.");
        }
        Side::Buy if below.kind.is_stop_loss() => {
            return refuse(Code::BuyOcoStopLossMustBeAbove, "A stop loss order in a buy OCO must be above.");
        }
        Side::Buy if takes_profit(above) => {
            return refuse(Code::BuyOcoTakeProfitMustBeBelow, "A take profit order in a buy OCO must be below.");
        }
        _ => {}
    }
    let price = |order: &NewOrder| if limit(order) { order.price } else { order.stop_price };
    let (high, low) = (price(above), price(below));
    if !high.is_none() && !low.is_none() && high <= low {
        let msg = "The relationship of the prices for the orders is not correct.";
        return refuse(Code::NewOrderRejected, msg);
    }
    Ok(())
}

/// LIMIT or LIMIT_MAKER.
pub(super) fn working(call: &Call, market: &Market) -> Result<NewOrder, ApiError> {
    let leg = leg(call, market, "working");
    let kind = leg.kind()?;
    if !matches!(kind, OrderKind::Limit | OrderKind::LimitMaker) {
        return Err(ApiError::new(Code::InvalidOrderType, "Invalid orderType."));
    }
    let (side, stp) = (leg.side()?, read_stp(&call.params)?);
    leg.order(Known { user: call.user(), side, kind, stp, qty: None, client_id: "clientOrderId" })
}

pub(super) async fn oco(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let side = leg(call, &market, "").side()?;
    let qty = shared_qty(call, &market, "quantity")?;
    let (above, below) = pair(call, &market, side, qty, ["above", "below"])?;
    submit(app, call, &market, ListOrders::Oco { above, below }).await
}

pub(super) async fn oto(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let working = working(call, &market)?;
    let pending = leg(call, &market, "pending");
    let (side, kind, stp) = (pending.side()?, pending.kind()?, read_stp(&call.params)?);
    let known = Known { user: call.user(), side, kind, stp, qty: None, client_id: "clientOrderId" };
    let pending = pending.order(known)?;
    if pending.quote_amount != 0 {
        return Err(ApiError::malformed("pendingQuantity").into());
    }
    submit(app, call, &market, ListOrders::Oto { working, pending }).await
}

pub(super) async fn otoco(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let working = working(call, &market)?;
    let side = leg(call, &market, "pending").side()?;
    let qty = shared_qty(call, &market, "pendingQuantity")?;
    let (above, below) = pair(call, &market, side, qty, ["pendingAbove", "pendingBelow"])?;
    submit(app, call, &market, ListOrders::Otoco { working, above, below }).await
}

/// `POST /api/v3/order/oco`, the older form: a limit and a stop, whichever is above.
pub(super) async fn legacy_oco(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    let plain = leg(call, &market, "");
    let side = plain.side()?;
    let qty = shared_qty(call, &market, "quantity")?;
    let stp = read_stp(params)?;
    params.required("price")?;
    params.required("stopPrice")?;
    let (limit_leg, stop_leg) = (leg(call, &market, "limit"), leg(call, &market, "stop"));
    let limit = NewOrder {
        kind: OrderKind::LimitMaker,
        stp,
        display_qty: limit_leg.qty("icebergQty")?,
        client_id: read_client_id(params, "limitClientOrderId")?.unwrap_or_else(client_id::generate),
        strategy_id: limit_leg.strategy()?.0,
        strategy_type: limit_leg.strategy()?.1,
        ..NewOrder::limit(call.user(), market.spec.id, side, plain.price("price")?, qty)
    };
    let limit_price = plain.price("stopLimitPrice")?;
    let tif = leg(call, &market, "stopLimit").tif()?;
    let kind = if limit_price.is_none() { OrderKind::StopLoss } else { OrderKind::StopLossLimit };
    match (kind, tif) {
        (OrderKind::StopLossLimit, None) => return Err(ApiError::malformed("stopLimitTimeInForce").into()),
        (OrderKind::StopLoss, Some(_)) => {
            let msg = "Parameter 'stopLimitTimeInForce' sent when not required.";
            return Err(ApiError::new(Code::ParamNotRequired, msg).into());
        }
        _ => {}
    }
    let stop = NewOrder {
        kind,
        tif: tif.unwrap_or(TimeInForce::Gtc),
        stop_price: plain.price("stopPrice")?,
        trailing_delta: plain.number("trailingDelta", u64::from(u32::MAX))? as u32,
        display_qty: stop_leg.qty("icebergQty")?,
        client_id: read_client_id(params, "stopClientOrderId")?.unwrap_or_else(client_id::generate),
        strategy_id: stop_leg.strategy()?.0,
        strategy_type: stop_leg.strategy()?.1,
        price: limit_price,
        ..limit
    };
    let (above, below) = if side == Side::Sell { (limit, stop) } else { (stop, limit) };
    check_pair(&above, &below)?;
    submit(app, call, &market, ListOrders::Oco { above, below }).await
}

async fn submit(app: &App, call: &Call, market: &Market, orders: ListOrders) -> Outcome {
    let list_id = read_client_id(&call.params, "listClientOrderId")?.unwrap_or_else(client_id::generate);
    let respond = read_respond(&call.params)?.unwrap_or(Respond::Result);
    call.params.all_read()?;
    let command = Command::PlaceList(Box::new(NewList { client_id: list_id, orders }));
    let reply = app.handles.engine.submit(command).await.map_err(not_taken)?;
    if let Some(reject) = report::refusal(&reply) {
        return Err(match reject {
            Reject::InvalidCombination => {
                let msg = "The relationship of the prices for the orders is not correct.";
                ApiError::new(Code::NewOrderRejected, msg).into()
            }
            other => refused(Asked::Place, other),
        });
    }
    let Some((list, contingency)) = placed_list(&reply, list_id) else { return Err(place::lost(&reply)) };
    let entered = report::entered(app, call.user(), market, &reply).await;
    let members: Vec<_> = entered.iter().filter(|entered| entered.text.list == list.0).collect();
    let listed = members
        .iter()
        .map(|entered| ListedOrder { order: entered.text.order, client_id: entered.text.client_id.clone() });
    let told = HistoryList {
        list: list.0,
        user: call.user().0,
        market: market.symbol().to_owned(),
        client_id: list_id.to_string(),
        contingency: if contingency == Contingency::Oco { "OCO" } else { "OTO" }.to_owned(),
        orders: listed.collect(),
        created_us: reply.at.0,
        finished_us: 0,
    };
    let done = reply.events.iter().any(|event| matches!(event, Event::ListDone { list: ended, .. } if *ended == list));
    let mut text = ListText::new(call.time_unit, told, done, reply.at);
    text.order_reports = members.iter().map(|entered| entered.answer(call.time_unit, respond)).collect();
    json(&text)
}

fn placed_list(reply: &Reply, client_id: ClientId) -> Option<(ListId, Contingency)> {
    reply.events.iter().find_map(|event| match event {
        Event::ListPlaced { list, client_id: id, contingency, .. } if *id == client_id => Some((*list, *contingency)),
        _ => None,
    })
}

/// `DELETE /api/v3/orderList`.
pub(super) async fn cancel(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    let list = params.u64("orderListId")?;
    let list_client = read_client_id(params, "listClientOrderId")?;
    let cancel_id = read_client_id(params, "newClientOrderId")?.unwrap_or(ClientId::EMPTY);
    params.all_read()?;
    let list = match (list, list_client) {
        (None, None) => {
            let msg = "Param 'orderListId' or 'listClientOrderId' must be sent, but both were empty/null!";
            return Err(ApiError::new(Code::MandatoryParamEmptyOrMalformed, msg).into());
        }
        (Some(list), None) => ListId(list.min(i64::MAX as u64)),
        (list, Some(named)) => {
            let found = by_client(app, call, named.as_str()).await?;
            let found = found.filter(|found| list.is_none_or(|list| found.list == list));
            let Some(found) = found else { return Err(refused(Asked::Cancel, Reject::UnknownList)) };
            ListId(found.list)
        }
    };
    let user = call.user();
    let command = Command::CancelList { user, market: market.spec.id, list, cancel_id };
    let reply = app.handles.engine.submit(command).await.map_err(not_taken)?;
    if let Some(reject) = report::refusal(&reply) {
        return Err(refused(Asked::Cancel, reject));
    }
    let ended = Ended { app, unit: call.time_unit, market: &market, views: &[], cancel_id };
    let told = ended.all(user, &reply).await?;
    json(&ended.list(user, &reply, &told, list.0).await?)
}

async fn by_client(app: &App, call: &Call, client_id: &str) -> Result<Option<HistoryList>, Failure> {
    let seq = history::now(app).await?;
    let request = ListsRequest { user: call.user().0, client_id: client_id.to_owned(), limit: 1, ..Default::default() };
    Ok(history::lists(app, seq, request).await?.lists.pop())
}

/// A list of the caller's by either name, from history.
pub(in super::super) async fn find(
    app: &App,
    call: &Call,
    list: Option<u64>,
    client_id: Option<ClientId>,
) -> Result<Option<HistoryList>, Failure> {
    match (list, client_id) {
        (list, Some(client_id)) => {
            let found = by_client(app, call, client_id.as_str()).await?;
            Ok(found.filter(|found| list.is_none_or(|list| found.list == list)))
        }
        (Some(list), None) => {
            let seq = history::now(app).await?;
            list_text::find(app, seq, call.user(), ListId(list)).await
        }
        (None, None) => Ok(None),
    }
}
