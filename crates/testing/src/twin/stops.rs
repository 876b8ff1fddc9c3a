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
    /// Whatever a trade reached is due. Released orders first, in the order of their release; then one stop that is due; and again.
    pub(super) fn settle(&mut self, market: MarketId) {
        loop {
            let prices = std::mem::take(&mut self.market_mut(market).unseen);
            let trades = self.market(market).state == MarketState::Trading && !self.market(market).last.is_none();
            if trades && prices.is_empty() {
                self.show(market, self.market(market).last);
            }
            prices.into_iter().filter(|_| trades).for_each(|price| self.show(market, price));
            if let Some(list) = self.released.pop_front() {
                self.release(list);
                continue;
            }
            if !trades {
                self.due.clear();
                break;
            }
            let Some(id) = self.due.pop_front() else { break };
            if self.orders.get(&id).is_some_and(|order| order.phase == Phase::Waiting) {
                self.trigger(id);
            }
        }
    }

    /// Shows a price to all that wait: first to plain stops, then to trailing ones.
    fn show(&mut self, market: MarketId, price: PriceTicks) {
        let plain = self.reached(market, price);
        self.follow_price(market, price);
        let trailing = self.left_behind(market, price);
        for id in plain.into_iter().chain(trailing) {
            if !self.due.contains(&id) {
                self.due.push_back(id);
            }
        }
    }

    fn waiting(&self, market: MarketId, trails: bool) -> impl Iterator<Item = &Order> {
        let waits = move |o: &&Order| {
            o.new.market == market && o.phase == Phase::Waiting && (o.new.trailing_delta > 0) == trails
        };
        self.orders.values().filter(waits)
    }

    /// Trailing stops begin to follow, and follow, the price.
    fn follow_price(&mut self, market: MarketId, price: PriceTicks) {
        let mut trailing: Vec<(u64, OrderId)> = self.waiting(market, true).map(|o| (o.rank, o.id)).collect();
        trailing.sort();
        for (_, id) in trailing {
            let order = self.order_mut(id);
            if order.best_seen.is_none() {
                let stop = order.new.stop_price;
                let reached = if fires_on_rise(&order.new) { price >= stop } else { price <= stop };
                if stop.is_none() || reached {
                    order.best_seen = price;
                }
                if !stop.is_none() && reached {
                    self.tell_change(id, ChangeCause::Activated);
                }
            } else {
                order.best_seen = match order.new.side {
                    Side::Buy => order.best_seen.min(price),
                    Side::Sell => order.best_seen.max(price),
                };
            }
        }
    }

    /// Those that this price fires: on the rise from the lowest stop price, then on the fall from the highest, of one price the
    /// oldest first.
    fn reached(&self, market: MarketId, price: PriceTicks) -> Vec<OrderId> {
        let (mut rising, mut falling): (Vec<&Order>, Vec<&Order>) =
            self.waiting(market, false).partition(|o| fires_on_rise(&o.new));
        rising.retain(|o| price >= o.new.stop_price);
        falling.retain(|o| price <= o.new.stop_price);
        rising.sort_by_key(|o| (o.new.stop_price, o.id));
        falling.sort_by_key(|o| (std::cmp::Reverse(o.new.stop_price), o.id));
        rising.into_iter().chain(falling).map(|o| o.id).collect()
    }

    /// Trailing stops that this price has left, in the order in which they began to wait.
    fn left_behind(&self, market: MarketId, price: PriceTicks) -> Vec<OrderId> {
        let mut turned: Vec<&Order> = self.waiting(market, true).filter(|o| has_turned(o, price)).collect();
        turned.sort_by_key(|o| o.rank);
        turned.into_iter().map(|o| o.id).collect()
    }

    fn trigger(&mut self, id: OrderId) {
        self.close_partner(id);
        let new = self.orders[&id].new;
        let (user, market, price) = (new.user, new.market, self.market(new.market).last);
        self.events.push(Event::Triggered { order: id, user, market, price });
        if new.kind.has_price() {
            self.start_taking(id);
            return self.take(id);
        }
        // As a market order it holds what the book asks for now, instead of what it held while it waited.
        let asset = self.hold_asset(market, new.side);
        let now_market = NewOrder { kind: OrderKind::Market, qty: self.orders[&id].left, ..new };
        let cost = self.market_cost(&now_market);
        let affordable = self.with_held(user, asset, |twin| {
            let order = twin.order_mut(id);
            order.phase = Phase::Taking;
            order.hold = 0;
            let affordable = cost <= twin.available(user, asset);
            if affordable {
                twin.order_mut(id).hold = cost;
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
            return self.close(pending[0], OrderStatus::Expired, CloseCause::Refused(reason));
        }
        for id in &pending {
            let new = self.orders[id].new;
            self.with_held(new.user, self.hold_asset(new.market, new.side), |twin| {
                let now = twin.time;
                let order = twin.order_mut(*id);
                (order.phase, order.updated_at) = (phase_of(&new), now);
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
        let orders: Vec<_> = pending.iter().map(|id| self.as_sent_now(*id)).collect();
        for new in &orders {
            self.check_who(new)?;
            if new.expire_at.0 != 0 && new.expire_at <= self.time {
                return Err(Reject::ExpireTime);
            }
            self.check_book(new)?;
        }
        let new = &orders[0];
        let needed = orders.iter().map(|o| self.reserve_of_new(o)).max().expect("a list has pending orders");
        if needed > self.available(new.user, self.hold_asset(new.market, new.side)) {
            return Err(Reject::InsufficientBalance);
        }
        Ok(())
    }
}

/// Whether the last price is away by the distance of a trailing stop from the best price that it saw.
fn has_turned(order: &Order, last: PriceTicks) -> bool {
    let (best, last, delta) = (order.best_seen.0 as u128, last.0 as u128, order.new.trailing_delta as u128);
    match order.new.side {
        _ if best == 0 => false,
        Side::Buy => last * 10_000 >= best * (10_000 + delta),
        Side::Sell => last * 10_000 <= best * (10_000 - delta),
    }
}
