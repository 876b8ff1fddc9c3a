//! Stop orders: waiting for a trigger price, trailing the market, becoming limit or market orders.

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

/// Whether the last price has reached a plain trigger price.
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
            if let Some(list) = self.to_activate.pop_front() {
                self.activate_list(list, out);
                continue;
            }
            if !self.markets[market].look_at_stops {
                return;
            }
            match self.next_stop(market, out) {
                Some(slot) => self.trigger(slot, out),
                None => self.markets[market].look_at_stops = false,
            }
        }
    }

    /// The next stop that the last price fires: rising ones from the lowest trigger, falling ones from the highest, then
    /// trailing ones in the order of their placing.
    fn next_stop(&mut self, market: usize, out: &mut Events) -> Option<u32> {
        let (state, last) = (self.markets[market].state, self.markets[market].last);
        if state != MarketState::Trading || last == 0 {
            return None;
        }
        let retraced = if self.markets[market].trailing.is_empty() { None } else { self.trail(market, last, out) };
        let at = &self.markets[market];
        let rising = at.rising.first().filter(|(price, _)| *price <= last).map(|(_, id)| *id);
        // Among equal triggers the older order goes first.
        let falling = || {
            let (price, _) = at.falling.last().filter(|(price, _)| *price >= last)?;
            at.falling.range((*price, 0)..).next().map(|(_, id)| *id)
        };
        let id = rising.or_else(falling).or(retraced)?;
        Some(self.orders.find(OrderId(id)).expect("a waiting stop is stored"))
    }

    /// Moves trailing stops along with the last price; gives the first that the price has left by its distance.
    fn trail(&mut self, market: usize, last: u64, out: &mut Events) -> Option<u64> {
        let ids = std::mem::take(&mut self.markets[market].trailing);
        let mut fired = None;
        for id in &ids {
            let slot = self.orders.find(OrderId(*id)).expect("a trailing stop is stored");
            let node = *self.orders.node(slot);
            let extra = self.orders.extra_mut(slot).expect("a stop has its extra");
            let stop = extra.new.stop_price.0;
            let mut activated = false;
            if !extra.trailing {
                if stop != 0 && !is_reached(node.kind, node.side, stop, last) {
                    continue;
                }
                extra.trailing = true;
                extra.extreme = last;
                activated = stop != 0;
            }
            let delta = extra.new.trailing_delta as u128;
            let retraced = match node.side {
                Side::Sell => {
                    extra.extreme = extra.extreme.max(last);
                    last as u128 * 10_000 <= extra.extreme as u128 * (10_000 - delta)
                }
                Side::Buy => {
                    extra.extreme = extra.extreme.min(last);
                    last as u128 * 10_000 >= extra.extreme as u128 * (10_000 + delta)
                }
            };
            if activated {
                self.tell_changed(slot, ChangeCause::Activated, out);
            }
            if retraced && fired.is_none() {
                fired = Some(*id);
            }
        }
        self.markets[market].trailing = ids;
        fired
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
