//! Placing orders: singly and in batches; and how an order leaves.

use allin_core::ids::{ListId, MarketId, OrderId, UserId};
use allin_core::num::{Amount, PriceTicks, QtyLots};
use allin_core::spot::command::{BATCH_MAX, MarketState, NewOrder, Side};
use allin_core::spot::event::{CloseCause, Closed, Event, OrderStatus, Placed};
use allin_core::spot::reject::Reject;
use allin_core::text::ClientId;

use super::state::{Body, Known, Order, Phase};
use super::{Outcome, Twin};

impl Twin {
    pub(super) fn place_one(&mut self, new: &NewOrder) -> Outcome {
        if self.check_alone(new)? {
            return Ok(());
        }
        self.check_counts(new, &[], None)?;
        self.place_checked(new)
    }

    /// What can be said before anything is cancelled to make room. True when the order was placed before.
    pub(super) fn check_alone(&mut self, new: &NewOrder) -> Result<bool, Reject> {
        self.check_who(new)?;
        if let Some(repeated) = self.check_client_id(new.user, new.client_id, &Body::Order(*new))? {
            self.events.push(Event::Repeated(repeated));
            return Ok(true);
        }
        self.check_body(new)?;
        self.check_filters(new)?;
        Ok(false)
    }

    pub(super) fn place_checked(&mut self, new: &NewOrder) -> Outcome {
        self.check_book(new)?;
        if self.reserve_of_new(new) > self.available(new.user, self.hold_asset(new.market, new.side)) {
            return Err(Reject::InsufficientBalance);
        }
        let id = self.add(new, ListId(0), phase_of(new));
        self.start(id);
        self.settle(new.market);
        Ok(())
    }

    pub(super) fn place_batch(&mut self, batch: &[NewOrder]) -> Outcome {
        if batch.is_empty() || batch.len() > BATCH_MAX {
            return Err(Reject::InvalidCombination);
        }
        for (position, new) in batch.iter().enumerate() {
            if let Err(reason) = self.place_one(new) {
                self.refuse_at(position as u8, new, reason);
            }
        }
        Ok(())
    }

    pub(super) fn refuse_at(&mut self, position: u8, new: &NewOrder, reason: Reject) {
        let NewOrder { user, market, client_id, .. } = *new;
        self.events.push(Event::PlaceRefused { position, user, market, client_id, reason });
    }

    /// What the order would hold if it were placed now.
    pub(super) fn reserve_of_new(&self, new: &NewOrder) -> Amount {
        let market = self.market(new.market);
        let base = new.qty.0 as i128 * market.base_unit as i128;
        let worth = |price: PriceTicks| (price.0 as i128 * new.qty.0 as i128).saturating_mul(market.quote_unit as i128);
        match new.side {
            _ if !new.kind.has_price() && !new.kind.is_stop() => self.market_cost(new),
            Side::Sell => base,
            Side::Buy if new.kind.has_price() => worth(new.price),
            Side::Buy => worth(self.hold_price(new)),
        }
    }

    /// The price that a waiting market-like buy is reckoned at.
    pub(super) fn hold_price(&self, new: &NewOrder) -> PriceTicks {
        if !new.kind.is_stop() || new.kind.has_price() || new.side == Side::Sell {
            return PriceTicks::NONE;
        }
        if !new.stop_price.is_none() {
            return new.stop_price;
        }
        let last = self.market(new.market).last.0 as u128;
        PriceTicks((last * (10_000 + new.trailing_delta as u128)).div_ceil(10_000) as u64)
    }

    /// Takes the order in and tells of it; it does not trade yet.
    pub(super) fn add(&mut self, new: &NewOrder, list: ListId, phase: Phase) -> OrderId {
        self.create_user(new.user);
        self.orders_made += 1;
        let id = OrderId(self.orders_made);
        let rates = new.fees.unwrap_or(self.tier_rates(self.user_or_default(new.user).tier));
        let order = Order {
            id,
            new: *new,
            list,
            phase,
            rank: 0,
            left: new.qty,
            visible: QtyLots::ZERO,
            filled: QtyLots::ZERO,
            filled_quote: 0,
            prevented: QtyLots::ZERO,
            rates,
            amends: 0,
            hold: 0,
            quote_left: new.quote_amount,
            hold_price: PriceTicks::NONE,
            best_seen: PriceTicks::NONE,
            created_at: self.time,
            updated_at: self.time,
        };
        let status = order.status();
        self.remember(new.user, new.client_id, new.market, id, Body::Order(*new));
        self.events.push(Event::Placed(Placed { order: id, new: *new, rates, list, status }));
        self.with_held(new.user, self.hold_asset(new.market, new.side), |twin| {
            twin.orders.insert(id, order);
            if phase != Phase::Pending {
                twin.reserve_at_start(id);
            }
        });
        id
    }

    pub(super) fn remember(&mut self, user: UserId, client_id: ClientId, market: MarketId, order: OrderId, body: Body) {
        if client_id.is_empty() {
            return;
        }
        let known = Known {
            order,
            market,
            body,
            at: self.time,
            status: OrderStatus::New,
            filled: QtyLots::ZERO,
            filled_quote: 0,
            closed_at: None,
        };
        self.known.insert((user, client_id), known);
    }

    /// The order or list of a client id ended: its day begins. When that was in its first command, it is the answer.
    fn forget_later(&mut self, user: UserId, client_id: ClientId, ending: (OrderStatus, QtyLots, Amount)) {
        let (now, orders_before) = (self.time, self.orders_before);
        let Some(known) = self.known.get_mut(&(user, client_id)) else { return };
        known.closed_at = Some(now);
        if known.order.0 > orders_before {
            (known.status, known.filled, known.filled_quote) = ending;
        }
    }

    /// Ends a command: the answers to its client ids are what their orders are now.
    pub(super) fn update_answers(&mut self) {
        for known in self.known.values_mut().filter(|k| k.order.0 > self.orders_before && k.closed_at.is_none()) {
            if let Some(order) = self.orders.get(&known.order) {
                (known.status, known.filled, known.filled_quote) = (order.status(), order.filled, order.filled_quote);
            }
        }
    }

    /// Fixes what an order holds, and its place among trailing stops, when it begins to work or to wait.
    pub(super) fn reserve_at_start(&mut self, id: OrderId) {
        let new = self.as_sent_now(id);
        let (hold, hold_price) = (self.reserve_of_new(&new), self.hold_price(&new));
        self.ranks_made += 1;
        let rank = self.ranks_made;
        let order = self.order_mut(id);
        (order.hold, order.hold_price, order.rank) = (hold, hold_price, rank);
    }

    /// An order that has not begun, as it would be sent now: it may have been amended while it was pending.
    pub(super) fn as_sent_now(&self, id: OrderId) -> NewOrder {
        let order = &self.orders[&id];
        NewOrder { qty: order.left, ..order.new }
    }

    /// Lets an order that does not wait into the book.
    pub(super) fn start(&mut self, id: OrderId) {
        let order = &self.orders[&id];
        if order.phase != Phase::Taking {
            return;
        }
        if self.market(order.new.market).state == MarketState::PreOpen {
            self.rest(id);
        } else {
            self.take(id);
        }
    }

    /// Puts an order at the back of its price.
    pub(super) fn rest(&mut self, id: OrderId) {
        self.ranks_made += 1;
        let rank = self.ranks_made;
        let order = self.order_mut(id);
        order.phase = Phase::Resting;
        order.rank = rank;
        order.refill();
    }

    /// Ends an order, and with it the others of its list unless it was filled.
    pub(super) fn close(&mut self, id: OrderId, status: OrderStatus, cause: CloseCause) {
        let list = self.close_alone(id, status, cause);
        let Some(list) = self.lists.get(&list).cloned() else { return };
        if cause == CloseCause::Filled {
            if list.orders[0] == id && !list.pending().is_empty() {
                self.released.push_back(list.id);
            }
        } else {
            let others = if status == OrderStatus::Canceled { status } else { OrderStatus::Expired };
            for other in list.orders.iter().filter(|other| **other != id) {
                if self.orders.contains_key(other) {
                    self.close_alone(*other, others, CloseCause::List);
                }
            }
        }
        self.end_list(list.id);
    }

    pub(super) fn end_list(&mut self, id: ListId) {
        let list = &self.lists[&id];
        if list.orders.iter().all(|order| !self.orders.contains_key(order)) {
            let (user, market, client_id) = (list.user, list.market, list.client_id);
            self.lists.remove(&id);
            self.forget_later(user, client_id, (OrderStatus::Filled, QtyLots::ZERO, 0));
            self.events.push(Event::ListDone { list: id, user, market });
        }
    }

    /// Ends an order without regard to its list.
    pub(super) fn close_alone(&mut self, id: OrderId, status: OrderStatus, cause: CloseCause) -> ListId {
        let (user, asset) = self.order_held_asset(id);
        let order = self.with_held(user, asset, |twin| twin.orders.remove(&id).expect("only an open order closes"));
        let Order { filled, filled_quote, left, list, .. } = order;
        let market = order.new.market;
        self.events.push(Event::Closed(Closed { order: id, user, market, status, cause, filled, filled_quote, left }));
        self.forget_later(user, order.new.client_id, (status, filled, filled_quote));
        list
    }

    /// Ends the other half of an OCO pair, because this half trades or was triggered.
    pub(super) fn close_partner(&mut self, id: OrderId) {
        if let Some(partner) = self.partner(&self.orders[&id]).map(|o| o.id) {
            self.close_alone(partner, OrderStatus::Expired, CloseCause::List);
        }
    }

    /// Ends all open orders of a user in a market, oldest first.
    pub(super) fn close_all(
        &mut self,
        user: UserId,
        market: MarketId,
        side: Option<Side>,
        status: OrderStatus,
        cause: CloseCause,
    ) {
        for id in self.orders_of(user, market) {
            let wanted = self.orders.get(&id).is_some_and(|o| side.is_none_or(|side| o.new.side == side));
            if wanted {
                self.close(id, status, cause);
            }
        }
    }
}

pub fn phase_of(new: &NewOrder) -> Phase {
    if new.kind.is_stop() { Phase::Waiting } else { Phase::Taking }
}
