//! Cancelling and changing open orders.

use allin_core::ids::{ListId, MarketId, OrderId, UserId};
use allin_core::num::{PriceTicks, QtyLots, notional};
use allin_core::spot::command::{CancelOnly, MarketState, NewOrder, OrderKind, OrderRef, ReplaceMode, Side};
use allin_core::spot::event::{ChangeCause, CloseCause, Event, OrderStatus};
use allin_core::spot::reject::Reject;
use allin_core::text::ClientId;

use super::state::{Body, Order, Phase};
use super::{Outcome, Twin};

impl Twin {
    /// An open order of this user in this market.
    fn find(&self, user: UserId, market: MarketId, order: OrderRef) -> Option<&Order> {
        let named = |o: &&Order| match order {
            OrderRef::Id(id) => o.id == id,
            OrderRef::Client(client_id) => !client_id.is_empty() && o.new.client_id == client_id,
        };
        self.orders.values().filter(|o| o.new.user == user && o.new.market == market).find(named)
    }

    fn check_cancel(
        &self,
        user: UserId,
        market: MarketId,
        order: OrderRef,
        only: CancelOnly,
    ) -> Result<OrderId, Reject> {
        self.market_known(market)?;
        let order = self.find(user, market, order).ok_or(Reject::UnknownOrder)?;
        let allowed = match only {
            CancelOnly::Any => true,
            CancelOnly::New => order.filled.is_zero(),
            CancelOnly::PartiallyFilled => !order.filled.is_zero(),
        };
        if allowed { Ok(order.id) } else { Err(Reject::CancelRestricted) }
    }

    pub(super) fn cancel(&mut self, user: UserId, market: MarketId, order: OrderRef, only: CancelOnly) -> Outcome {
        let id = self.check_cancel(user, market, order, only)?;
        self.close(id, OrderStatus::Canceled, CloseCause::User);
        Ok(())
    }

    pub(super) fn cancel_list(&mut self, user: UserId, market: MarketId, list: ListId) -> Outcome {
        self.market_known(market)?;
        let found = self.lists.get(&list).filter(|l| l.user == user && l.market == market);
        let mut orders = found.ok_or(Reject::UnknownList)?.orders.iter();
        let first = *orders.find(|id| self.orders.contains_key(id)).expect("a list has open orders");
        self.close(first, OrderStatus::Canceled, CloseCause::User);
        Ok(())
    }

    pub(super) fn cancel_all(&mut self, user: UserId, market: MarketId, side: Option<Side>) -> Outcome {
        self.market_known(market)?;
        self.close_all(user, market, side, OrderStatus::Canceled, CloseCause::User);
        Ok(())
    }

    pub(super) fn amend(
        &mut self,
        user: UserId,
        market: MarketId,
        order: OrderRef,
        qty: QtyLots,
        client_id: ClientId,
    ) -> Outcome {
        self.check_not_halted(market)?;
        let amends_max = self.market(market).spec.filters.amends_max;
        let order = self.find(user, market, order).ok_or(Reject::UnknownOrder)?.clone();
        let renamed = !client_id.is_empty() && client_id != order.new.client_id;
        if renamed && self.check_client_id(user, client_id, &Body::Amendment)?.is_some() {
            return Err(Reject::ClientIdConflict);
        }
        if amends_max > 0 && order.amends >= amends_max {
            return Err(Reject::MaxAmends);
        }
        if qty >= order.total() || qty <= order.filled {
            return Err(Reject::AmendQty);
        }
        // Of a pair the other leg goes along, whether it is at work or pending.
        let pair = self.lists.get(&order.list).map_or(&[][..], |list| list.pair()).to_vec();
        let other = pair.iter().filter(|_| pair.contains(&order.id)).find(|id| **id != order.id).copied();
        let legs: Vec<OrderId> =
            [Some(order.id), other].into_iter().flatten().filter(|id| self.orders.contains_key(id)).collect();
        let amended: Vec<NewOrder> = legs.iter().map(|id| NewOrder { qty, ..self.orders[id].new }).collect();
        amended.iter().try_for_each(|new| self.check_quantity(new))?;
        amended.iter().try_for_each(|new| self.check_notional(new))?;
        if renamed {
            self.rename(&order, client_id);
        }
        let (user, asset) = self.order_held_asset(order.id);
        let (left, now) = (qty - order.filled, self.time);
        self.with_held(user, asset, |twin| {
            for id in &legs {
                let leg = twin.order_mut(*id);
                leg.left = left;
                leg.visible = leg.visible.min(left);
                leg.updated_at = now;
                leg.amends += 1;
            }
        });
        for id in legs {
            self.tell_change(id, ChangeCause::Amended);
        }
        Ok(())
    }

    /// The old id is as one of an order that has ended; what was sent with the new one can never be sent again.
    fn rename(&mut self, order: &Order, client_id: ClientId) {
        let (user, market, id) = (order.new.user, order.new.market, order.id);
        let now = self.time;
        if let Some(known) = self.known.get_mut(&(user, order.new.client_id)) {
            known.closed_at = Some(now);
        }
        self.remember(user, client_id, market, id, Body::Amendment);
        self.order_mut(id).new.client_id = client_id;
        self.events.push(Event::Renamed { order: id, user, market, client_id });
    }

    pub(super) fn reduce(&mut self, user: UserId, market: MarketId, order: OrderRef, by: QtyLots) -> Outcome {
        self.check_not_halted(market)?;
        let order = self.find(user, market, order).ok_or(Reject::UnknownOrder)?;
        if order.list != ListId(0) {
            return Err(Reject::NotAmendable);
        }
        if by.is_zero() {
            return Err(Reject::InvalidAmount);
        }
        let (id, left) = (order.id, order.left);
        if by >= left {
            self.close(id, OrderStatus::Canceled, CloseCause::Reduced);
        } else {
            self.shrink(id, left - by);
            self.tell_change(id, ChangeCause::Reduced);
        }
        Ok(())
    }

    fn check_not_halted(&self, market: MarketId) -> Outcome {
        self.market_known(market)?;
        if self.market(market).state == MarketState::Halt { Err(Reject::MarketHalted) } else { Ok(()) }
    }

    /// Makes an order smaller where it stands.
    fn shrink(&mut self, id: OrderId, left: QtyLots) {
        let (user, asset) = self.order_held_asset(id);
        let now = self.time;
        self.with_held(user, asset, |twin| {
            let order = twin.order_mut(id);
            order.left = left;
            order.visible = order.visible.min(left);
            order.updated_at = now;
        });
    }

    pub(super) fn move_order(&mut self, user: UserId, market: MarketId, order: OrderRef, price: PriceTicks) -> Outcome {
        self.market_known(market)?;
        if self.user_or_default(user).frozen {
            return Err(Reject::AccountFrozen);
        }
        match self.market(market).state {
            MarketState::Halt => return Err(Reject::MarketHalted),
            MarketState::CancelOnly => return Err(Reject::MarketCancelOnly),
            MarketState::PreOpen | MarketState::Trading => (),
        }
        let order = self.find(user, market, order).ok_or(Reject::UnknownOrder)?.clone();
        if order.phase != Phase::Resting || order.list != ListId(0) {
            return Err(Reject::NotAmendable);
        }
        let filters = &self.market(market).spec.filters;
        if !(filters.price_min..=filters.price_max).contains(&price) {
            return Err(Reject::PriceFilter);
        }
        if notional(price, order.left, self.market(market).quote_unit).is_none() {
            return Err(Reject::InvalidAmount);
        }
        self.check_notional(&NewOrder::limit(user, market, order.new.side, price, order.left))?;
        self.check_percent_price(market, order.new.side, price)?;
        if order.new.kind == OrderKind::LimitMaker && self.market(market).state == MarketState::Trading {
            self.check_passive(market, order.new.side, price)?;
        }
        if order.new.side == Side::Buy && price > order.new.price {
            let unit = self.market(market).quote_unit as i128;
            let more = (price.0 - order.new.price.0) as i128 * order.left.0 as i128 * unit;
            if more > self.available(user, self.market(market).spec.quote) {
                return Err(Reject::InsufficientBalance);
            }
        }
        let id = order.id;
        self.with_held(user, self.hold_asset(market, order.new.side), |twin| {
            let order = twin.order_mut(id);
            order.new.price = price;
            twin.start_taking(id);
        });
        self.tell_change(id, ChangeCause::Moved);
        self.start(id);
        self.settle(market);
        Ok(())
    }

    pub(super) fn cancel_replace(
        &mut self,
        cancel: OrderRef,
        only: CancelOnly,
        mode: ReplaceMode,
        new: &NewOrder,
    ) -> Outcome {
        if self.check_alone(new)? {
            return Ok(());
        }
        let (user, market) = (new.user, new.market);
        let found = self.check_cancel(user, market, cancel, only);
        self.check_counts(new, &[], found.ok())?;
        match found {
            Ok(id) => self.close(id, OrderStatus::Canceled, CloseCause::User),
            Err(reason) if mode == ReplaceMode::StopOnFailure => return Err(reason),
            Err(reason) => self.events.push(Event::CancelRefused { user, market, order: cancel, reason }),
        }
        if let Err(reason) = self.place_checked(new) {
            self.refuse_at(0, new, reason);
        }
        Ok(())
    }
}
