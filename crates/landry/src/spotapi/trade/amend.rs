//! `PUT /api/v3/order/amend/keepPriority`: a smaller quantity in the same place. The order gets the client id that is sent, or
//! one of its own.

use allin_core::ids::ListId;
use allin_core::num::QtyLots;
use allin_core::spot::command::{Command, OrderRef};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_wire::binance::{ApiError, Code};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Outcome, json};
use super::super::list_text::{self, ListNow};
use super::super::order_text::{Amended, OrderText};
use super::cancel::{Named, open};
use super::parse::{Leg, read_client_id};
use super::reject::{Asked, not_taken, refused};
use super::{client_id, place, report};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    transact_time: u64,
    execution_id: u64,
    amended_order: Amended<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list_status: Option<ListNow>,
}

pub(super) async fn keep_priority(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let market = app.market(params.required("symbol")?)?;
    let named = Named::read(params, "orderId", "origClientOrderId")?;
    params.required("newQty")?;
    let qty = Leg { params, market: &market, prefix: "" }.qty("newQty")?;
    let new_id = read_client_id(params, "newClientOrderId")?.unwrap_or_else(client_id::generate);
    params.all_read()?;
    let (before, _) = open(app, call.user(), &market, &named).await.map_err(not_taken)?;
    let Some(before) = before else { return Err(refused(Asked::Amend, Reject::UnknownOrder)) };
    if qty == before.new.qty {
        let msg = "The requested action would change no state; rejecting";
        return Err(ApiError::new(Code::OrderAmendRejected, msg).into());
    }
    let (user, order) = (call.user(), OrderRef::Id(before.order));
    // The engine's total is less what self-trade prevention took off.
    let total = QtyLots(qty.0.saturating_sub(before.prevented.0));
    let command = Command::Amend { user, market: market.spec.id, order, qty: total, client_id: new_id };
    let reply = app.handles.engine.submit(command).await.map_err(not_taken)?;
    if let Some(reject) = report::refusal(&reply) {
        return Err(refused(Asked::Amend, reject));
    }
    let changed = reply.events.iter().find_map(|event| match event {
        Event::Changed(changed) if changed.order == before.order => Some(changed),
        _ => None,
    });
    let changed = changed.ok_or_else(|| place::lost(&reply))?;
    let listing = &market.listing;
    let mut text = OrderText::open(&market, &before);
    let done = changed.qty.0.saturating_sub(changed.left.0);
    text.qty = listing.qty(u128::from(changed.qty.0) + u128::from(before.prevented.0));
    if done != before.filled.0 {
        // It traded between the question and the command; the quote of that is for queries to tell.
        text.filled = listing.qty(u128::from(done));
    }
    let old_id = std::mem::replace(&mut text.client_id, new_id.to_string());
    let list_status = match before.list {
        ListId(0) => None,
        list => {
            let found = list_text::find(app, reply.seq, user, list).await?;
            Some(ListNow::new(found.ok_or_else(|| place::lost(&reply))?))
        }
    };
    let amended_order = text.amended(call.time_unit, &old_id);
    json(&Answer { transact_time: call.time(reply.at), execution_id: reply.seq.0, amended_order, list_status })
}
