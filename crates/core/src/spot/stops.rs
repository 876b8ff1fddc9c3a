//! Stop orders: waiting for a trigger price, trailing the market, becoming limit or market orders.

use std::collections::BTreeSet;

use super::command::{MarketState, NewOrder, OrderKind, Side};
use super::event::{ChangeCause, CloseCause, Event, Events, OrderStatus};
use super::reject::Reject;
use super::state::Spot;
use super::taker::After;
use crate::ids::{ListId, MarketId, OrderId, UserId};
use crate::num::PriceTicks;

/// Fires at or above its trigger, as opposed to at or below.
fn is_rising(kind: OrderKind, side: Side) -> bool {
    kind.is_stop_loss() == (side == Side::Buy)
}

/// Whether a price has reached a plain trigger price.
pub(super) fn is_reached(kind: OrderKind, side: Side, stop: u64, last: u64) -> bool {
    if is_rising(kind, side) { last >= stop } else { last <= stop }
}

impl Spot {
    pub(super) fn insert_stop(&mut self, market: usize, slot: u32) {
        let (node, extra) = (*self.orders.node(slot), *self.orders.extra(slot).expect("a stop has its extra"));
        let new = &extra.new;
        let market = &mut self.markets[market];
        if new.trailing_delta != 0 {
            market.trailing.push(node.id);
            market.look_at_stops = true;
            return;
        }
        let stops = if is_rising(node.kind, node.side) { &mut market.rising } else { &mut market.falling };
        stops.insert((new.stop_price.0, node.id));
    }

    pub(super) fn remove_stop(&mut self, market: usize, slot: u32) {
        let (node, extra) = (*self.orders.node(slot), *self.orders.extra(slot).expect("a stop has its extra"));
        let market = &mut self.markets[market];
        if extra.new.trailing_delta != 0 {
            market.trailing.retain(|id| *id != node.id);
            return;
        }
        let stops = if is_rising(node.kind, node.side) { &mut market.rising } else { &mut market.falling };
        stops.remove(&(extra.new.stop_price.0, node.id));
    }

    /// After orders traded: pending orders of filled working orders, then stops, until nothing is left to do.
    #[inline]
    pub(super) fn after_trading(&mut self, market: usize, out: &mut Events) {
        if self.to_activate.is_empty() && !self.markets[market].look_at_stops {
            return;
        }
        self.run_consequences(market, out);
    }

    fn run_consequences(&mut self, market: usize, out: &mut Events) {
        loop {
            self.look(market, out);
            if let Some(list) = self.to_activate.pop_front() {
                self.activate_list(list, out);
                continue;
            }
            if self.markets[market].state != MarketState::Trading {
                return self.wait_on(market);
            }
            let Some(id) = self.due.pop_front() else { return };
            // What fired before may have closed it.
            if let Some(slot) = self.orders.find(OrderId(id)) {
                self.trigger(slot, out);
            }
        }
    }

    /// Shows waiting stops every price that was traded at, one after the other: a stop that a trade reached fires, wherever the
    /// price goes before its turn comes. Where nothing traded they see the last price.
    fn look(&mut self, market: usize, out: &mut Events) {
        let at = &mut self.markets[market];
        if !std::mem::take(&mut at.look_at_stops) {
            return;
        }
        let mut path = std::mem::take(&mut at.path);
        if path.is_empty() {
            path.push(at.last);
        }
        let trades = at.state == MarketState::Trading && at.last != 0;
        // Of those that trail, as they wait among the others until they fire.
        let mut queued: BTreeSet<u64> = match at.trailing.is_empty() {
            true => BTreeSet::new(),
            false => self.due.iter().copied().collect(),
        };
        for price in path.drain(..).filter(|_| trades) {
            self.reach(market, price);
            if !self.markets[market].trailing.is_empty() {
                self.trail(market, price, &mut queued, out);
            }
        }
        self.markets[market].path = path;
    }

    /// Plain stops that this price fires: rising ones from the lowest trigger, falling ones from the highest.
    fn reach(&mut self, market: usize, price: u64) {
        let at = &mut self.markets[market];
        while let Some((_, id)) = at.rising.first().copied().filter(|(stop, _)| *stop <= price) {
            at.rising.pop_first();
            self.due.push_back(id);
        }
        while let Some((stop, _)) = at.falling.last().copied().filter(|(stop, _)| *stop >= price) {
            // Among equal triggers the older order goes first.
            let oldest = *at.falling.range((stop, 0)..).next().expect("one has this trigger");
            at.falling.remove(&oldest);
            self.due.push_back(oldest.1);
        }
    }

    /// The market stopped trading before their turn came: they wait for the price at which it goes on.
    fn wait_on(&mut self, market: usize) {
        while let Some(id) = self.due.pop_front() {
            let Some(slot) = self.orders.find(OrderId(id)) else { continue };
            // Trailing ones were never taken out.
            if self.orders.extra(slot).is_some_and(|extra| extra.new.trailing_delta == 0) {
                self.insert_stop(market, slot);
            }
        }
    }

    /// Moves trailing stops along with a price; due are those that it has left by their distance.
    fn trail(&mut self, market: usize, price: u64, queued: &mut BTreeSet<u64>, out: &mut Events) {
        let ids = std::mem::take(&mut self.markets[market].trailing);
        for id in &ids {
            let slot = self.orders.find(OrderId(*id)).expect("a trailing stop is stored");
            let node = *self.orders.node(slot);
            let extra = self.orders.extra_mut(slot).expect("a stop has its extra");
            let stop = extra.new.stop_price.0;
            let mut activated = false;
            if !extra.trailing {
                if stop != 0 && !is_reached(node.kind, node.side, stop, price) {
                    continue;
                }
                extra.trailing = true;
                extra.extreme = price;
                activated = stop != 0;
            }
            let delta = extra.new.trailing_delta as u128;
            let retraced = match node.side {
                Side::Sell => {
                    extra.extreme = extra.extreme.max(price);
                    price as u128 * 10_000 <= extra.extreme as u128 * (10_000 - delta)
                }
                Side::Buy => {
                    extra.extreme = extra.extreme.min(price);
                    price as u128 * 10_000 >= extra.extreme as u128 * (10_000 + delta)
                }
            };
            if activated {
                self.tell_changed(slot, ChangeCause::Activated, out);
            }
            if retraced && queued.insert(*id) {
                self.due.push_back(*id);
            }
        }
        self.markets[market].trailing = ids;
    }

    /// A stop becomes a limit or market order.
    fn trigger(&mut self, slot: u32, out: &mut Events) {
        self.close_sibling(slot, out);
        let (_, reserve) = self.reserve_of(slot);
        self.withdraw(slot);
        let node = *self.orders.node(slot);
        self.seat_extras[node.seat as usize].stops -= 1;
        let seat = &self.seats[node.seat as usize];
        let (user, market) = (UserId(seat.user), MarketId(seat.market));
        self.orders.node_mut(slot).triggered = true;
        let price = PriceTicks(self.markets[market.0 as usize].last);
        out.push(Event::Triggered { order: OrderId(node.id), user, market, price });
        if node.kind.has_price() {
            let mut taker = self.taker_of(slot, reserve);
            let after = self.match_if_open(&mut taker, 0, out);
            return self.finish_taker(&mut taker, after, None, ListId(0), out);
        }
        let mut taker = self.taker_of(slot, reserve);
        let place = self.reserve_place(&taker);
        self.ledger.release(place, taker.reserve);
        taker.reserve = 0;
        self.run_stored_market(taker, out);
    }

    /// Runs a stored order as a market order, if its account can pay for it now.
    pub(super) fn run_stored_market(&mut self, mut taker: super::taker::Taker, out: &mut Events) {
        let as_market = NewOrder {
            kind: OrderKind::Market,
            qty: crate::num::QtyLots(taker.left),
            ..NewOrder::limit(
                UserId(taker.user),
                MarketId(taker.market as u32),
                taker.side,
                PriceTicks::NONE,
                crate::num::QtyLots(taker.left),
            )
        };
        let (reserve, _) = self.reserve_for(&as_market);
        if !self.ledger.hold(self.reserve_place(&taker), reserve) {
            let refused = After::Ends(OrderStatus::Expired, CloseCause::Refused(Reject::InsufficientBalance));
            return self.finish_taker(&mut taker, refused, None, ListId(0), out);
        }
        taker.reserve = reserve;
        taker.capped = taker.side == Side::Buy;
        let after = self.match_if_open(&mut taker, 0, out);
        self.finish_taker(&mut taker, after, None, ListId(0), out);
    }
}
