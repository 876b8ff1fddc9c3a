//! `DELETE /api/v3/order` and `DELETE /api/v3/openOrders`.

use allin_core::ids::{ListId, OrderId, Seq, Timestamp, UserId};
use allin_core::spot::command::{CancelOnly, Command, OrderRef};
use allin_core::spot::event::{Closed, Event};
use allin_core::spot::reject::Reject;
use allin_core::spot::view::OrderView;
use allin_core::text::ClientId;
use allin_runtime::engine::{AnswerBody, Query, Reply, SubmitError};
use allin_wire::binance::{ApiError, Code, status_name};
use serde_json::value::RawValue;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, TimeUnit, json};
use super::super::history;
use super::super::list_text::{self, ListText};
use super::super::markets::Market;
use super::super::order_text::{OrderText, Report};
use super::super::params::Params;
use super::parse::read_client_id;
use super::reject::{Asked, not_taken, refused};
use super::report;
use crate::userdata::cancel_client_id;

/// Orders of one question to the engine.
const PAGE: u32 = 10_000;

/// Which order a request names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub order: Option<OrderId>,
    pub client_id: Option<ClientId>,
}

impl Named {
    /// Parameters `orderId` and `origClientOrderId`, or as they are called elsewhere.
    pub fn read(params: &Params, order: &'static str, client_id: &'static str) -> Result<Named, ApiError> {
        let named = Named {
            order: params.u64(order)?.map(|id| OrderId(id.min(i64::MAX as u64))),
            client_id: read_client_id(params, client_id)?,
        };
        match (named.order, named.client_id) {
            (None, None) => {
                let msg = format!("Param '{client_id}' or '{order}' must be sent, but both were empty/null!");
                Err(ApiError::with(Code::MandatoryParamEmptyOrMalformed, msg))
            }
            _ => Ok(named),
        }
    }

    /// For the engine: the id where there is one.
    pub fn reference(&self) -> OrderRef {
        match (self.order, self.client_id) {
            (Some(order), _) => OrderRef::Id(order),
            (None, Some(client_id)) => OrderRef::Client(client_id),
            (None, None) => OrderRef::Id(OrderId(0)),
        }
    }

    fn query(&self, user: UserId) -> Query {
        match self.reference() {
            OrderRef::Id(order) => Query::Order { order },
            OrderRef::Client(client_id) => Query::OrderByClient { user, client_id },
        }
    }
}

/// The open order of a user that a request names, and the sequence of that answer. None in the view: it is not open, or
/// not the user's, or not in this market, or the two names are of different orders.
pub(crate) async fn open(
    app: &App,
    user: UserId,
    market: &Market,
    named: &Named,
) -> Result<(Option<OrderView>, Seq), SubmitError> {
    let answer = app.handles.engine.query(named.query(user)).await?;
    let AnswerBody::Order(view) = answer.body else { return Err(SubmitError::Unknown) };
    let fits = |view: &OrderView| {
        view.new.user == user
            && view.new.market == market.spec.id
            && named.client_id.is_none_or(|client_id| client_id == view.new.client_id)
    };
    Ok((view.filter(fits), answer.seq))
}

pub(super) fn read_restriction(params: &Params) -> Result<CancelOnly, ApiError> {
    match params.get("cancelRestrictions")? {
        None => Ok(CancelOnly::Any),
        Some("ONLY_NEW") => Ok(CancelOnly::New),
        Some("ONLY_PARTIALLY_FILLED") => Ok(CancelOnly::PartiallyFilled),
        Some(_) => Err(ApiError::new(Code::InvalidCancelRestrictions, "Invalid cancelRestrictions")),
    }
}

pub(super) async fn one(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let named = Named::read(&call.params, "orderId", "origClientOrderId")?;
    let cancel_id = read_client_id(&call.params, "newClientOrderId")?.unwrap_or(ClientId::EMPTY);
    let only = read_restriction(&call.params)?;
    call.params.all_read()?;
    let user = call.user();
    let before = match open(app, user, &market, &named).await {
        Ok((Some(view), _)) => Some(view),
        Ok((None, _)) => return Err(refused(Asked::Cancel, Reject::UnknownOrder)),
        // Under load the engine has room for cancels, but not for questions: history tells the rest.
        Err(SubmitError::Overloaded) if named.order.is_none() || named.client_id.is_none() => None,
        Err(error) => return Err(not_taken(error)),
    };
    let order = before.map_or(named.reference(), |view| OrderRef::Id(view.order));
    let command = Command::Cancel { user, market: market.spec.id, order, only, cancel_id };
    let reply = app.handles.engine.submit(command).await.map_err(not_taken)?;
    if let Some(reject) = report::refusal(&reply) {
        return Err(refused(Asked::Cancel, reject));
    }
    let views: Vec<OrderView> = before.into_iter().collect();
    let ended = Ended { app, unit: call.time_unit, market: &market, views: &views, cancel_id };
    let told = ended.all(user, &reply).await?;
    let wanted = told.iter().find(|told| match order {
        OrderRef::Id(id) => told.closed.order == id,
        OrderRef::Client(client_id) => told.text.client_id == client_id.as_str(),
    });
    let Some(wanted) = wanted else { return Err(super::place::lost(&reply)) };
    match wanted.text.list {
        0 => json(&wanted.report(call.time_unit, reply.at)),
        list => json(&ended.list(user, &reply, &told, list).await?),
    }
}

pub(super) async fn all(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    call.params.all_read()?;
    let user = call.user();
    let query = Query::OpenOrders { user, market: Some(market.spec.id), side: None, offset: 0, limit: PAGE };
    let views = match app.handles.engine.query(query).await {
        Ok(answer) => match answer.body {
            AnswerBody::Orders { orders, .. } => orders,
            _ => Vec::new(),
        },
        Err(SubmitError::Overloaded) => Vec::new(),
        Err(error) => return Err(not_taken(error)),
    };
    let command = Command::CancelAll { user, market: market.spec.id, side: None };
    let reply = app.handles.engine.submit(command).await.map_err(not_taken)?;
    if let Some(reject) = report::refusal(&reply) {
        return Err(refused(Asked::Cancel, reject));
    }
    let ended = Ended { app, unit: call.time_unit, market: &market, views: &views, cancel_id: ClientId::EMPTY };
    let told = ended.all(user, &reply).await?;
    if told.is_empty() {
        return Err(refused(Asked::Cancel, Reject::UnknownOrder));
    }
    let mut answer: Vec<Box<RawValue>> = Vec::new();
    let mut lists: Vec<u64> = Vec::new();
    for one in &told {
        match one.text.list {
            0 => answer.push(raw(&one.report(call.time_unit, reply.at))?),
            list if lists.contains(&list) => {}
            list => {
                lists.push(list);
                answer.push(raw(&ended.list(user, &reply, &told, list).await?)?);
            }
        }
    }
    json(&answer)
}

pub(super) fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>, Failure> {
    let text = json(value)?;
    serde_json::from_slice(&text).map_err(|error| {
        tracing::error!(%error, "JSON of our own does not parse");
        Failure::new(Code::Unknown, "An unknown error occurred while processing the request.")
    })
}

/// Tells of orders that a cancel ended.
pub(super) struct Ended<'a> {
    pub app: &'a App,
    pub unit: TimeUnit,
    pub market: &'a Market,
    /// As they were before, as far as they were asked for.
    pub views: &'a [OrderView],
    /// The client id that was sent with the cancel; empty: none was.
    pub cancel_id: ClientId,
}

/// One of them.
pub(super) struct Told {
    pub closed: Closed,
    pub text: OrderText,
    cancel_id: String,
}

impl Told {
    pub fn report(&self, unit: TimeUnit, at: Timestamp) -> Report<'_> {
        self.text.cancelled(unit, at, &self.cancel_id)
    }
}

impl Ended<'_> {
    /// All orders of the user that the command closed in the market, in the order of their closing.
    pub async fn all(&self, user: UserId, reply: &Reply) -> Result<Vec<Told>, Failure> {
        let mut told = Vec::new();
        for event in &reply.events {
            if let Event::Closed(closed) = event
                && closed.user == user
                && closed.market == self.market.spec.id
            {
                told.push(self.tell(reply, closed).await?);
            }
        }
        Ok(told)
    }

    async fn tell(&self, reply: &Reply, closed: &Closed) -> Result<Told, Failure> {
        let cancel_id = cancel_client_id(reply.seq, &self.cancel_id, closed.cause);
        let mut text = match self.views.iter().find(|view| view.order == closed.order) {
            Some(view) => OrderText::open(self.market, view),
            None => {
                let order = history::order(self.app, reply.seq, closed.user, closed.order).await?;
                OrderText::history(order.ok_or_else(|| super::place::lost(reply))?)
            }
        };
        let listing = &self.market.listing;
        text.status = status_name(closed.status).into();
        text.filled = listing.qty(u128::from(closed.filled.0));
        text.filled_quote = listing.quote(closed.filled_quote);
        text.updated = reply.at;
        Ok(Told { closed: *closed, text, cancel_id })
    }

    /// A list that the command ended, with its orders.
    pub async fn list<'t>(
        &self,
        user: UserId,
        reply: &Reply,
        told: &'t [Told],
        list: u64,
    ) -> Result<ListText<Report<'t>>, Failure> {
        let found = list_text::find(self.app, reply.seq, user, ListId(list)).await?;
        let mut text = ListText::new(self.unit, found.ok_or_else(|| super::place::lost(reply))?, true, reply.at);
        let members = told.iter().filter(|told| told.text.list == list);
        text.order_reports = members.map(|told| told.report(self.unit, reply.at)).collect();
        text.order_reports.sort_by_key(Report::order);
        Ok(text)
    }
}
