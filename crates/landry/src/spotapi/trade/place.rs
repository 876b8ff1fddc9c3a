//! `POST /api/v3/order` and `POST /api/v3/order/test`.

use std::sync::Arc;

use allin_core::num::FeeRates;
use allin_core::spot::command::{Command, NewOrder, OrderKind};
use allin_wire::binance::ApiError;
use serde::Serialize;

use super::super::account::commission::{self, Discount, Rates};
use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::markets::Market;
use super::parse::{Known, Leg, Respond, read_respond, read_stp};
use super::reject::{Asked, not_taken, refused};
use super::{report, trial};

/// The parameters of a new order, without a prefix.
pub(super) fn read(call: &Call, market: &Market) -> Result<(NewOrder, Respond), ApiError> {
    let leg = Leg { params: &call.params, market, prefix: "" };
    let (side, kind) = (leg.side()?, leg.kind()?);
    let stp = read_stp(&call.params)?;
    let known = Known { user: call.user(), side, kind, stp, qty: None, client_id: "newClientOrderId" };
    let order = leg.order(known)?;
    let default = match kind {
        OrderKind::Market | OrderKind::Limit => Respond::Full,
        _ => Respond::Ack,
    };
    Ok((order, read_respond(&call.params)?.unwrap_or(default)))
}

pub(super) async fn place(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let (order, respond) = read(call, &market)?;
    call.params.all_read()?;
    let reply = app.handles.engine.submit(Command::Place(order)).await.map_err(not_taken)?;
    if let Some(reject) = report::refusal(&reply) {
        return Err(refused(Asked::Place, reject));
    }
    if respond == Respond::Ack {
        let ack = report::acknowledged(&market, &reply, &order.client_id, call.time_unit);
        return json(&ack.ok_or_else(|| lost(&reply))?);
    }
    let entered = report::entered(app, call.user(), &market, &reply).await;
    match entered.iter().find(|entered| entered.text.client_id == order.client_id.as_str()) {
        Some(entered) => json(&entered.answer(call.time_unit, respond)),
        None => Err(lost(&reply)),
    }
}

/// The engine answered with events that no such command has.
pub(super) fn lost(reply: &allin_runtime::engine::Reply) -> Failure {
    tracing::error!(seq = reply.seq.0, "a reply without what it should tell");
    not_taken(allin_runtime::engine::SubmitError::Unknown)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Commissions {
    standard_commission_for_order: Rates,
    special_commission_for_order: Rates,
    tax_commission_for_order: Rates,
    discount: Discount,
}

/// Everything but the placing: form and filters by the engine's own code, on a market without a book. What depends on
/// funds, the book and the average price is not looked at.
pub(super) async fn test(app: &App, call: &Call) -> Outcome {
    let market: Arc<Market> = app.market(call.params.required("symbol")?)?;
    let (order, _) = read(call, &market)?;
    let with_rates = call.params.bool("computeCommissionRates")?.unwrap_or(false);
    call.params.all_read()?;
    if let Some(reject) = trial::refusal(&market, order) {
        return Err(refused(Asked::Place, reject));
    }
    if !with_rates {
        return json(&serde_json::json!({}));
    }
    let fees = commission::fees(app, call.user()).await?;
    json(&Commissions {
        standard_commission_for_order: Rates::of(fees.rates),
        special_commission_for_order: Rates::of(FeeRates::default()),
        tax_commission_for_order: Rates::of(FeeRates::default()),
        discount: fees.discount(app),
    })
}
