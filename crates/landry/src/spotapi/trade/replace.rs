//! `POST /api/v3/order/cancelReplace`.

use allin_core::spot::command::{CancelOnly, Command, OrderRef, ReplaceMode};
use allin_core::spot::event::{CloseCause, Event};
use allin_core::spot::reject::Reject;
use allin_core::spot::view::OrderView;
use allin_core::text::ClientId;
use allin_runtime::engine::Reply;
use allin_wire::binance::{ApiError, Code};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::markets::Market;
use super::cancel::{Ended, Named, open, raw, read_restriction};
use super::parse::{invalid, read_client_id};
use super::reject::{self, Asked, not_taken, refused};
use super::{place, report};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    cancel_result: &'static str,
    new_order_result: &'static str,
    cancel_response: Box<RawValue>,
    new_order_response: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    code: i32,
    msg: &'a str,
}

fn refusal(error: &ApiError) -> Result<Box<RawValue>, Failure> {
    raw(&Refusal { code: error.code as i32, msg: &error.msg })
}

pub(super) async fn replace(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    let mode = match params.required("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => ReplaceMode::StopOnFailure,
        "ALLOW_FAILURE" => ReplaceMode::AllowFailure,
        _ => return Err(invalid("cancelReplaceMode").into()),
    };
    let (order, respond) = place::read(call, &market)?;
    let named = Named::read(params, "cancelOrderId", "cancelOrigClientOrderId")?;
    let cancel_id = read_client_id(params, "cancelNewClientOrderId")?.unwrap_or(ClientId::EMPTY);
    let only = read_restriction(params)?;
    match params.get("orderRateLimitExceededMode")? {
        None | Some("DO_NOTHING" | "CANCEL_ONLY") => {}
        Some(_) => return Err(invalid("orderRateLimitExceededMode").into()),
    }
    params.all_read()?;
    if let Some(over_limit) = &call.over_limit {
        return cancel_alone(app, call, &market, (&named, only, cancel_id), over_limit).await;
    }

    let (before, _) = open(app, call.user(), &market, &named).await.map_err(not_taken)?;
    let cancel = match before {
        Some(view) => OrderRef::Id(view.order),
        // Orders count from 1: the engine is to find nothing, and to go on as the mode says.
        None => OrderRef::Id(allin_core::ids::OrderId(0)),
    };
    let command = Command::CancelReplace { cancel, only, mode, order: Box::new(order), cancel_id };
    let reply = app.handles.engine.submit(command).await.map_err(not_taken)?;
    if let Some(reject) = report::refusal(&reply) {
        return match reject {
            Reject::UnknownOrder | Reject::CancelRestricted => stopped(reject),
            other => Err(refused(Asked::Place, other)),
        };
    }
    let views: Vec<OrderView> = before.into_iter().collect();
    let ended = Ended { app, unit: call.time_unit, market: &market, views: &views, cancel_id };
    let (cancelled, cancel_response) = cancel_half(&ended, call, &reply).await?;
    let (placed, new_response) = place_half(app, call, &market, &reply, order.client_id.as_str(), respond).await?;
    let word = |ok| if ok { "SUCCESS" } else { "FAILURE" };
    let answer = Answer {
        cancel_result: word(cancelled),
        new_order_result: word(placed),
        cancel_response,
        new_order_response: Some(new_response),
    };
    let (status, code, msg) = match (cancelled, placed) {
        (true, true) => return json(&answer),
        (false, false) => (400, Code::OrderCancelReplaceFailed, "Order cancel-replace failed."),
        _ => (409, Code::OrderCancelReplacePartiallyFailed, "Order cancel-replace partially failed."),
    };
    Err(Failure { status, data: Some(json(&answer)?), ..Failure::new(code, msg) })
}

/// The account has too many unfilled orders: the old one is cancelled, and the new one is not placed.
async fn cancel_alone(
    app: &App,
    call: &Call,
    market: &Market,
    (named, only, cancel_id): (&Named, CancelOnly, ClientId),
    over_limit: &Failure,
) -> Outcome {
    let (before, _) = open(app, call.user(), market, named).await.map_err(not_taken)?;
    let views: Vec<OrderView> = before.into_iter().collect();
    let ended = Ended { app, unit: call.time_unit, market, views: &views, cancel_id };
    let (cancelled, cancel_response) = match views.first() {
        Some(view) => {
            let (user, order) = (call.user(), OrderRef::Id(view.order));
            let command = Command::Cancel { user, market: market.spec.id, order, only, cancel_id };
            let reply = app.handles.engine.submit(command).await.map_err(not_taken)?;
            match report::refusal(&reply) {
                Some(reject) => (false, refusal(&reject::error(Asked::Cancel, reject))?),
                None => cancel_half(&ended, call, &reply).await?,
            }
        }
        None => (false, refusal(&reject::error(Asked::Cancel, Reject::UnknownOrder))?),
    };
    let word = |ok| if ok { "SUCCESS" } else { "FAILURE" };
    let answer = Answer {
        cancel_result: word(cancelled),
        new_order_result: if cancelled { "FAILURE" } else { "NOT_ATTEMPTED" },
        cancel_response,
        new_order_response: if cancelled { Some(refusal(&over_limit.error)?) } else { None },
    };
    let (code, msg) = match cancelled {
        true => (Code::OrderCancelReplacePartiallyFailed, "Order cancel-replace partially failed."),
        false => (Code::OrderCancelReplaceFailed, "Order cancel-replace failed."),
    };
    Err(Failure { data: Some(json(&answer)?), error: ApiError::new(code, msg), ..over_limit.clone() })
}

/// The cancel was refused, and so the placing was not tried.
fn stopped(reject: Reject) -> Outcome {
    let answer = Answer {
        cancel_result: "FAILURE",
        new_order_result: "NOT_ATTEMPTED",
        cancel_response: refusal(&reject::error(Asked::Cancel, reject))?,
        new_order_response: None,
    };
    let failed = Failure::new(Code::OrderCancelReplaceFailed, "Order cancel-replace failed.");
    Err(Failure { data: Some(json(&answer)?), ..failed })
}

async fn cancel_half(ended: &Ended<'_>, call: &Call, reply: &Reply) -> Result<(bool, Box<RawValue>), Failure> {
    let refused = reply.events.iter().find_map(|event| match event {
        Event::CancelRefused { reason, .. } => Some(*reason),
        _ => None,
    });
    if let Some(reason) = refused {
        return Ok((false, refusal(&reject::error(Asked::Cancel, reason))?));
    }
    let target = ended.views.first().map(|view| view.order);
    let told = ended.all(call.user(), reply).await?;
    let wanted = told.iter().find(|told| Some(told.closed.order) == target && told.closed.cause == CloseCause::User);
    let wanted = wanted.ok_or_else(|| place::lost(reply))?;
    let response = match wanted.text.list {
        0 => raw(&wanted.report(call.time_unit, reply.at))?,
        list => raw(&ended.list(call.user(), reply, &told, list).await?)?,
    };
    Ok((true, response))
}

async fn place_half(
    app: &App,
    call: &Call,
    market: &Market,
    reply: &Reply,
    client_id: &str,
    respond: super::parse::Respond,
) -> Result<(bool, Box<RawValue>), Failure> {
    let refused = reply.events.iter().find_map(|event| match event {
        Event::PlaceRefused { reason, .. } => Some(*reason),
        _ => None,
    });
    if let Some(reason) = refused {
        return Ok((false, refusal(&reject::error(Asked::Place, reason))?));
    }
    let entered = report::entered(app, call.user(), market, reply).await;
    let entered = entered.iter().find(|entered| entered.text.client_id == client_id);
    let entered = entered.ok_or_else(|| place::lost(reply))?;
    Ok((true, raw(&entered.answer(call.time_unit, respond))?))
}
