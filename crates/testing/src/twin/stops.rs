//! What follows a trade: released list orders and triggered stops, until nothing is left to do.

use allin_core::ids::{ListId, MarketId, OrderId};
use allin_core::num::PriceTicks;
use allin_core::spot::command::{MarketState, NewOrder, OrderKind, Side};
use allin_core::spot::event::{ChangeCause, CloseCause, Event, OrderStatus};
use allin_core::spot::reject::Reject;

use super::Twin;
use super::place::phase_of;
use super::state::{Order, Phase, fires_on_rise};

impl Twin {
    /// Released orders first, in the order of their release; then one triggered stop; and again.
    pub(super) fn settle(&mut self, market: MarketId) {
        loop {
            if let Some(list) = self.released.pop_front() {
                self.release(list);
                continue;
            }
            if self.market(market).state != MarketState::Trading || self.market(market).last.is_none() {
                break;
            }
            self.follow_price(market);
            let Some(stop) = self.triggered(market) else { break };
            self.trigger(stop);
        }
        self.update_answers();
    }

    /// Brings what is remembered of client ids used in this command up to now.
    pub(super) fn update_answers(&mut self) {
        let young = self.known.values_mut().filter(|k| k.order.0 > self.orders_before && k.closed_at.is_none());
        for known in young {
            let order = &self.orders[&known.order];
            (known.status, known.filled, known.filled_quote) = (order.status(), order.filled, order.filled_quote);
        }
    }

    /// Trailing stops begin to follow, and follow, the last price.
    fn follow_price(&mut self, market: MarketId) {
        let last = self.market(market).last;
        let waiting = |o: &&Order| o.new.market == market && o.phase == Phase::Waiting && o.new.trailing_delta > 0;
        let trailing: Vec<OrderId> = self.orders.values().filter(waiting).map(|o| o.id).collect();
        for id in trailing {
            let order = self.order_mut(id);
            if order.best_seen.is_none() {
                let rise = fires_on_rise(&order.new);
                let reached = if rise { last >= order.new.stop_price } else { last <= order.new.stop_price };
                if reached {
                    order.best_seen = last;
                    self.tell_change(id, ChangeCause::Activated);
                }
            } else {
                order.best_seen = match order.new.side {
                    Side::Buy => order.best_seen.min(last),
                    Side::Sell => order.best_seen.max(last),
                };
            }
        }
    }

    /// The next stop to fire: those on the rise from the lowest trigger, then those on the fall from the highest; of one
    /// trigger price the oldest.
    fn triggered(&self, market: MarketId) -> Option<OrderId> {
        let last = self.market(market).last;
        let waiting = self.orders.values().filter(|o| o.new.market == market && o.phase == Phase::Waiting);
        let armed: Vec<_> = waiting.filter_map(|o| trigger_of(o).map(|(rise, price)| (rise, price, o.id))).collect();
        let risen = armed.iter().filter(|(rise, price, _)| *rise && last >= *price).min_by_key(|(_, price, id)| (*price, *id));
        let fallen = armed
            .iter()
            .filter(|(rise, price, _)| !*rise && last <= *price)
            .min_by_key(|(_, price, id)| (std::cmp::Reverse(*price), *id));
        risen.or(fallen).map(|(_, _, id)| *id)
    }

    fn trigger(&mut self, id: OrderId) {
        self.close_partner(id);
        let new = self.orders[&id].new;
        let (user, market, price) = (new.user, new.market, self.market(new.market).last);
        self.events.push(Event::Triggered { order: id, user, market, price });
        if new.kind.has_price() {
            self.order_mut(id).phase = Phase::Taking;
            return self.take(id);
        }
        // As a market order it holds what the book asks for now, instead of what it held while it waited.
        let asset = self.hold_asset(market, new.side);
        let now_market = NewOrder { kind: OrderKind::Market, qty: self.orders[&id].left, ..new };
        let cost = self.market_cost(&now_market);
        let affordable = self.with_held(user, asset, |twin| {
            let order = twin.order_mut(id);
            order.phase = Phase::Taking;
            order.market_hold = 0;
            let affordable = cost <= twin.available(user, asset);
            if affordable {
                twin.order_mut(id).market_hold = cost;
            }
            affordable
        });
        if affordable {
            self.take(id);
        } else {
            self.close(id, OrderStatus::Expired, CloseCause::Refused(Reject::InsufficientBalance));
        }
    }

    /// Places the pending orders of a list whose working order was filled.
    fn release(&mut self, list: ListId) {
        let pending = self.lists[&list].pending().to_vec();
        if let Err(reason) = self.check_release(&pending) {
            for id in &pending {
                self.close_alone(*id, OrderStatus::Expired, CloseCause::Refused(reason));
            }
            return self.end_list(list);
        }
        for id in &pending {
            let new = self.orders[id].new;
            self.with_held(new.user, self.hold_asset(new.market, new.side), |twin| {
                twin.order_mut(*id).phase = phase_of(&new);
                twin.reserve_at_start(*id);
            });
            let price = self.market(new.market).last;
            self.events.push(Event::Triggered { order: *id, user: new.user, market: new.market, price });
        }
        for id in pending {
            if self.orders.contains_key(&id) {
                self.start(id);
            }
        }
    }

    fn check_release(&self, pending: &[OrderId]) -> Result<(), Reject> {
        let orders: Vec<_> = pending.iter().map(|id| self.orders[id].new).collect();
        for new in &orders {
            self.check_who(new)?;
            self.check_filters(new)?;
            self.check_position(new)?;
            self.check_book(new)?;
        }
        let new = &orders[0];
        if orders.iter().any(|o| !o.kind.has_price() && !o.kind.is_stop()) && self.book(new.market, new.side.opposite()).is_empty() {
            return Err(Reject::NoLiquidity);
        }
        let needed = orders.iter().map(|o| self.reserve_of_new(o)).max().expect("a list has pending orders");
        if needed > self.available(new.user, self.hold_asset(new.market, new.side)) {
            return Err(Reject::InsufficientBalance);
        }
        Ok(())
    }
}

/// Whether it fires on a rise, and from which last price on; nothing for a trailing stop that is not active.
fn trigger_of(order: &Order) -> Option<(bool, PriceTicks)> {
    let delta = order.new.trailing_delta as u128;
    if delta == 0 {
        return Some((fires_on_rise(&order.new), order.new.stop_price));
    }
    if order.best_seen.is_none() {
        return None;
    }
    let best = order.best_seen.0 as u128;
    let price = match order.new.side {
        Side::Buy => (best * (10_000 + delta)).div_ceil(10_000),
        Side::Sell => best * (10_000 - delta) / 10_000,
    };
    Some((order.new.side == Side::Buy, PriceTicks(price as u64)))
}
