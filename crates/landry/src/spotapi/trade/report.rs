//! What became of orders in the command that placed them, told from its events.

use allin_core::ids::{OrderId, Timestamp, UserId};
use allin_core::num::QtyLots;
use allin_core::spot::command::{NewOrder, StpMode};
use allin_core::spot::event::{ChangeCause, CloseCause, Closed, Event, OrderStatus, Placed, Trade};
use allin_core::spot::reject::Reject;
use allin_core::text::ClientId;
use allin_runtime::engine::Reply;
use serde::Serialize;

use super::super::app::App;
use super::super::call::TimeUnit;
use super::super::markets::{Market, Markets};
use super::super::order_text::{Ack, Fill, OrderText, PreventedFill, Progress, Report};
use super::parse::Respond;
use crate::userdata::{expiry_reason, prevented_match_id};

/// An order after its first command.
pub(super) struct Entered {
    pub text: OrderText,
    fills: Vec<Fill>,
    prevented: Vec<PreventedFill>,
    /// The group of an account that is in one, where a match was prevented.
    group: Option<u64>,
    at: Timestamp,
}

/// The answer in one of the three forms of `newOrderRespType`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answer<'a> {
    Ack(Ack<'a>),
    Report(Box<Report<'a>>),
}

impl Entered {
    pub fn answer(&self, unit: TimeUnit, respond: Respond) -> Answer<'_> {
        if respond == Respond::Ack {
            return Answer::Ack(self.text.ack(unit, self.at));
        }
        let mut report = self.text.report(unit, self.at);
        report.trade_group_id = self.group;
        if respond == Respond::Full {
            report.fills = Some(&self.fills);
            report.prevented_matches = (!self.prevented.is_empty()).then_some(&*self.prevented);
        }
        Answer::Report(Box::new(report))
    }
}

/// What is told at the least of the order that a command placed with a client id; this needs none of its numbers.
pub(super) fn acknowledged<'a>(
    market: &'a Market,
    reply: &'a Reply,
    client: &ClientId,
    unit: TimeUnit,
) -> Option<Ack<'a>> {
    let placed = placed(reply).find(|placed| placed.new.client_id == *client)?;
    Some(Ack::of(market, placed, unit.of(reply.at)))
}

fn placed(reply: &Reply) -> impl Iterator<Item = &Placed> {
    reply.events.iter().filter_map(|event| match event {
        Event::Placed(placed) => Some(placed),
        _ => None,
    })
}

/// The orders that a command of a user placed, in the order of their ids.
pub(super) async fn entered(app: &App, user: UserId, market: &Market, reply: &Reply) -> Vec<Entered> {
    let markets = app.markets();
    let mut entered: Vec<Entered> = placed(reply).map(|placed| follow(&markets, market, placed, reply)).collect();
    if let Some(group) = group(app, user, reply).await {
        let involved = entered.iter_mut().filter(|entered| entered.text.prevented_match.is_some());
        involved.for_each(|entered| entered.group = Some(group));
    }
    entered
}

/// The master of the user's group, where the command prevented a match and there is a group.
async fn group(app: &App, user: UserId, reply: &Reply) -> Option<u64> {
    let between = reply.events.iter().filter_map(|event| match event {
        Event::Prevented { maker_user, taker_user, .. } => Some(maker_user != taker_user),
        _ => None,
    });
    let in_group = between.reduce(|a, b| a || b)?;
    let facts = app.handles.directory.account(user).await;
    // The order is placed whatever the directory says.
    let master =
        facts.inspect_err(|error| tracing::warn!(%error, "an account cannot be looked up")).ok().flatten()?.master;
    (in_group || master != user).then_some(master.0)
}

/// The first refusal of a whole command, or the sign that its client id is taken.
pub(super) fn refusal(reply: &Reply) -> Option<Reject> {
    reply.events.iter().find_map(|event| match event {
        Event::Refused(reject) => Some(*reject),
        Event::Repeated(_) => Some(Reject::ClientIdConflict),
        _ => None,
    })
}

fn follow(markets: &Markets, market: &Market, placed: &Placed, reply: &Reply) -> Entered {
    let (id, new): (OrderId, NewOrder) = (placed.order, placed.new);
    let works = placed.status == OrderStatus::New && !new.kind.is_stop();
    let mut progress = Progress {
        status: placed.status,
        filled: QtyLots::ZERO,
        filled_quote: 0,
        prevented: QtyLots::ZERO,
        created: reply.at,
        updated: reply.at,
        working: if works { reply.at } else { Timestamp(0) },
    };
    let (mut fills, mut prevented) = (Vec::new(), Vec::new());
    let told = |qty: QtyLots| market.listing.qty(u128::from(qty.0));
    let (mut matches, mut last_match, mut expiry) = (0, None, "");
    for (place, event) in reply.events.iter().enumerate() {
        match event {
            Event::Triggered { order, .. } if *order == id => {
                let released = progress.status == OrderStatus::PendingNew;
                if released {
                    progress.status = OrderStatus::New;
                }
                if !(released && new.kind.is_stop()) {
                    progress.working = reply.at;
                }
            }
            Event::Trade(trade) if trade.taker_order == id || trade.maker_order == id => {
                progress.status = OrderStatus::PartiallyFilled;
                progress.filled = progress.filled + trade.qty;
                progress.filled_quote += trade.quote;
                fills.push(fill(markets, market, trade, trade.taker_order == id));
            }
            Event::Prevented { maker_order, taker_order, price, qty, .. } => {
                let id_of_match = prevented_match_id(reply.seq, matches);
                if *taker_order == id {
                    let lost = |order| lost(&reply.events[place..], new.stp, order, *qty);
                    prevented.push(PreventedFill {
                        prevented_match_id: id_of_match,
                        maker_symbol: market.symbol().to_owned(),
                        maker_order_id: maker_order.0,
                        price: market.listing.price(*price),
                        taker_prevented_quantity: (new.stp != StpMode::ExpireMaker).then(|| told(lost(id))),
                        maker_prevented_quantity: (new.stp != StpMode::ExpireTaker).then(|| told(lost(*maker_order))),
                    });
                }
                if *maker_order == id || *taker_order == id {
                    last_match = Some((id_of_match, *qty));
                }
                matches += 1;
            }
            Event::Changed(changed) if changed.order == id && changed.cause == ChangeCause::Decremented => {
                progress.prevented = progress.prevented + last_match.map_or(QtyLots::ZERO, |(_, qty)| qty);
            }
            Event::Closed(closed) if closed.order == id => {
                expiry = expiry_reason(&new, progress.status, closed.status, closed.cause).unwrap_or_default();
                progress.status = closed.status;
                if let (CloseCause::SelfTrade, Some((_, qty))) = (closed.cause, last_match) {
                    progress.prevented = progress.prevented + ended_with(closed, qty);
                }
            }
            _ => {}
        }
    }
    let mut text = OrderText::new(market, id, placed.list.0, &new, &progress);
    text.prevented_match = last_match.map(|(id, _)| id).filter(|_| !progress.prevented.is_zero());
    text.expiry = expiry.into();
    Entered { text, fills, prevented, group: None, at: reply.at }
}

/// What a match that was prevented, the first of the events, took off an order: all that was left, but with DECREMENT.
fn lost(events: &[Event], stp: StpMode, order: OrderId, qty: QtyLots) -> QtyLots {
    let ends = events.iter().find_map(|event| match event {
        Event::Closed(closed) if closed.order == order && closed.cause == CloseCause::SelfTrade => Some(closed),
        _ => None,
    });
    match ends {
        Some(closed) if stp != StpMode::Decrement => ended_with(closed, qty),
        _ => qty,
    }
}

/// An order that DECREMENT used up has nothing left, and one by quote amount does not tell it.
fn ended_with(closed: &Closed, qty: QtyLots) -> QtyLots {
    if closed.left.is_zero() { qty } else { closed.left }
}

fn fill(markets: &Markets, market: &Market, trade: &Trade, took: bool) -> Fill {
    let (fee, asset) = match took {
        true => (trade.taker_fee, trade.taker_fee_asset),
        false => (trade.maker_fee, trade.maker_fee_asset),
    };
    Fill {
        price: market.listing.price(trade.price),
        qty: market.listing.qty(u128::from(trade.qty.0)),
        commission: markets.amount(asset, fee),
        commission_asset: markets.asset(asset).map(|asset| asset.symbol.to_string()).unwrap_or_default(),
        trade_id: trade.trade.0,
    }
}
