//! How open orders end, and what their end means for funds, counts and lists.

use super::command::{CancelOnly, OrderRef, Side};
use super::event::{CloseCause, Closed, Contingency, Event, Events, OrderStatus};
use super::reject::Reject;
use super::state::Spot;
use crate::book::orders::{NIL, Node, Stage};
use crate::ids::{ListId, MarketId, OrderId, UserId};
use crate::ledger::Place;
use crate::num::{Amount, QtyLots};

impl Spot {
    /// Quantity that an open order has filled.
    pub(super) fn filled_of(&self, slot: u32) -> u64 {
        self.orders.detail(slot).filled(self.orders.node(slot).left)
    }

    pub(super) fn status_of(&self, slot: u32) -> OrderStatus {
        match self.orders.node(slot).stage {
            Stage::Pending => OrderStatus::PendingNew,
            _ if self.filled_of(slot) > 0 => OrderStatus::PartiallyFilled,
            _ => OrderStatus::New,
        }
    }

    /// What an order reserves by its own terms, and on which balance.
    #[inline]
    pub(super) fn reserve_of(&self, slot: u32) -> (Place, Amount) {
        let node = self.orders.node(slot);
        let seat = &self.seats[node.seat as usize];
        let market = &self.markets[seat.market as usize];
        let place = if node.side == Side::Buy { seat.quote } else { seat.base };
        let amount = match (node.stage, node.side) {
            (Stage::Pending, _) => 0,
            (_, Side::Sell) => node.left as i128 * market.base_unit as i128,
            (Stage::Waiting, Side::Buy) if !node.kind.has_price() => self.orders.extra(slot).map_or(0, |e| e.reserve),
            (_, Side::Buy) => self.quote_of(seat.market as usize, node.price, node.left),
        };
        (place, amount)
    }

    /// The other open leg of an OCO pair.
    pub(super) fn sibling(&self, slot: u32) -> Option<u32> {
        let node = self.orders.node(slot);
        if !node.marks.listed() {
            return None;
        }
        let list = self.lists.get(&self.orders.extra(slot)?.list.0)?;
        let pair = match list.contingency {
            Contingency::Oco => &list.orders[..2],
            Contingency::Otoco => &list.orders[1..],
            Contingency::Oto => return None,
        };
        if !pair.contains(&node.id) {
            return None;
        }
        let other = pair.iter().find(|id| **id != node.id && **id != 0)?;
        self.orders.find(OrderId(*other))
    }

    /// Releases what an order holds and its OCO partner does not need: a pair holds the larger of its reserves.
    #[inline]
    fn release_reserve(&mut self, slot: u32) {
        let (place, own) = self.reserve_of(slot);
        let kept = self.sibling(slot).map_or(0, |other| self.reserve_of(other).1);
        self.ledger.release(place, own.max(kept) - kept);
    }

    /// Takes an order out of the book or the stops, and out of the account's open lots.
    #[inline]
    pub(super) fn withdraw(&mut self, slot: u32) {
        let node = *self.orders.node(slot);
        let market = self.market_of(node.seat);
        match node.stage {
            Stage::Resting => self.orders.dequeue(self.markets[market].ladder_mut(node.side), slot),
            Stage::Waiting => self.remove_stop(market, slot),
            Stage::Pending => return,
        }
        if node.side == Side::Buy {
            self.seats[node.seat as usize].buy_lots -= node.left as u128;
        }
    }

    /// Forgets an order that is in no queue and holds nothing.
    #[inline]
    pub(super) fn forget(&mut self, slot: u32, status: OrderStatus, filled: u64) {
        let node = *self.orders.node(slot);
        let seat = &mut self.seats[node.seat as usize];
        seat.open -= 1;
        self.markets[seat.market as usize].open -= 1;
        let Node { newer, older, .. } = node;
        match newer {
            NIL => seat.newest = older,
            newer => self.orders.node_mut(newer).older = older,
        }
        if older != NIL {
            self.orders.node_mut(older).newer = newer;
        }
        if node.extra != NIL {
            self.forget_extra(slot, status, filled);
        }
        self.orders.discard(slot);
    }

    fn forget_extra(&mut self, slot: u32, status: OrderStatus, filled: u64) {
        let (node, extra) = (*self.orders.node(slot), *self.orders.extra(slot).expect("checked by the caller"));
        let filled_quote = self.orders.detail(slot).filled_quote;
        let triggered = node.triggered;
        let user = self.seats[node.seat as usize].user;
        let counts = &mut self.seat_extras[node.seat as usize];
        if super::filters::is_iceberg(&extra.new) {
            counts.icebergs -= 1;
        }
        if node.kind.is_stop() && !triggered {
            counts.stops -= 1;
        }
        if extra.new.expire_at.0 != 0 {
            self.expiries.remove(&(extra.new.expire_at.0, node.id));
        }
        self.close_client(user, &extra.new.client_id, status, filled, filled_quote);
    }

    /// Closes one open order and tells it; its list is the caller's business.
    fn close_one(&mut self, slot: u32, status: OrderStatus, cause: CloseCause, out: &mut Events) {
        self.release_reserve(slot);
        self.withdraw(slot);
        self.tell_closed(slot, status, cause, out);
    }

    /// Tells the end of a stored order that is in no queue and holds nothing any more, and forgets it.
    #[inline]
    pub(super) fn tell_closed(&mut self, slot: u32, status: OrderStatus, cause: CloseCause, out: &mut Events) {
        let (node, detail) = (self.orders.node(slot), self.orders.detail(slot));
        let seat = &self.seats[node.seat as usize];
        let filled = detail.filled(node.left);
        out.push(Event::Closed(Closed {
            order: OrderId(node.id),
            user: UserId(seat.user),
            market: MarketId(seat.market),
            status,
            cause,
            filled: QtyLots(filled),
            filled_quote: detail.filled_quote,
            left: QtyLots(node.left),
        }));
        self.forget(slot, status, filled);
    }

    /// Closes an open order, with what its list makes of it.
    pub(super) fn close(&mut self, slot: u32, status: OrderStatus, cause: CloseCause, out: &mut Events) {
        let listed = self.list_of(slot);
        let order = self.orders.node(slot).id;
        self.close_one(slot, status, cause, out);
        if let Some(list) = listed {
            self.leg_closed(list, order, status, cause, out);
        }
    }

    pub(super) fn list_of(&self, slot: u32) -> Option<u64> {
        if !self.orders.node(slot).marks.listed() {
            return None;
        }
        self.orders.extra(slot).map(|extra| extra.list.0)
    }

    /// Before an OCO leg trades or triggers: its partner goes.
    pub(super) fn close_sibling(&mut self, slot: u32, out: &mut Events) {
        let Some(other) = self.sibling(slot) else { return };
        let (order, list) = (self.orders.node(other).id, self.list_of(other).expect("a sibling is listed"));
        self.close_one(other, OrderStatus::Expired, CloseCause::List, out);
        self.take_leg(list, order);
    }

    fn take_leg(&mut self, list: u64, order: u64) -> usize {
        let list = self.lists.get_mut(&list).expect("a listed order has its list");
        let at = list.orders.iter().position(|id| *id == order).expect("a list knows its orders");
        list.orders[at] = 0;
        at
    }

    /// A leg ended: a filled working order starts what is pending, any other end closes what is left of the list.
    pub(super) fn leg_closed(
        &mut self,
        list_id: u64,
        order: u64,
        status: OrderStatus,
        cause: CloseCause,
        out: &mut Events,
    ) {
        let at = self.take_leg(list_id, order);
        let list = self.lists[&list_id];
        let is_working = at == 0 && list.contingency != Contingency::Oco;
        if is_working && cause == CloseCause::Filled {
            self.to_activate.push_back(list_id);
            return;
        }
        let status = if status == OrderStatus::Canceled { OrderStatus::Canceled } else { OrderStatus::Expired };
        for other in list.orders.into_iter().filter(|id| *id != 0) {
            let slot = self.orders.find(OrderId(other)).expect("a list knows its orders");
            self.close_one(slot, status, CloseCause::List, out);
            self.take_leg(list_id, other);
        }
        self.end_list_if_empty(list_id, out);
    }

    pub(super) fn end_list_if_empty(&mut self, list_id: u64, out: &mut Events) {
        let list = self.lists[&list_id];
        if list.orders != [0; 3] {
            return;
        }
        self.lists.remove(&list_id);
        self.seat_extras[list.seat as usize].lists -= 1;
        let seat = &self.seats[list.seat as usize];
        let (user, market) = (seat.user, seat.market);
        self.close_client(user, &list.client_id, OrderStatus::Filled, 0, 0);
        out.push(Event::ListDone { list: ListId(list_id), user: UserId(user), market: MarketId(market) });
    }

    /// The open order that a user names in a market.
    #[inline]
    pub(super) fn find_order(&self, user: UserId, market: MarketId, order: &OrderRef) -> Result<u32, Reject> {
        let id = match order {
            OrderRef::Id(id) => *id,
            OrderRef::Client(client_id) => {
                let at = self.clients.find(user.0, client_id).ok_or(Reject::UnknownOrder)?;
                let client = self.clients.entry(at);
                // An id that an amendment ended still leads to its order.
                if client.is_list || !client.open {
                    return Err(Reject::UnknownOrder);
                }
                OrderId(client.order)
            }
        };
        let slot = self.orders.find(id).ok_or(Reject::UnknownOrder)?;
        let seat = &self.seats[self.orders.node(slot).seat as usize];
        if seat.user != user.0 || seat.market != market.0 {
            return Err(Reject::UnknownOrder);
        }
        Ok(slot)
    }

    pub(super) fn check_only(&self, slot: u32, only: CancelOnly) -> Result<(), Reject> {
        let filled = self.filled_of(slot) > 0;
        match only {
            CancelOnly::New if filled => Err(Reject::CancelRestricted),
            CancelOnly::PartiallyFilled if !filled => Err(Reject::CancelRestricted),
            _ => Ok(()),
        }
    }

    pub(super) fn cancel(
        &mut self,
        user: UserId,
        market: MarketId,
        order: &OrderRef,
        only: CancelOnly,
        out: &mut Events,
    ) -> Result<(), Reject> {
        self.check_market(market)?;
        let slot = self.find_order(user, market, order)?;
        if only != CancelOnly::Any {
            self.check_only(slot, only)?;
        }
        self.close(slot, OrderStatus::Canceled, CloseCause::User, out);
        Ok(())
    }

    pub(super) fn cancel_all(
        &mut self,
        user: UserId,
        market: MarketId,
        side: Option<Side>,
        out: &mut Events,
    ) -> Result<(), Reject> {
        self.check_market(market)?;
        if let Some(seat) = self.find_seat(user.0, market) {
            self.close_all(seat, side, OrderStatus::Canceled, CloseCause::User, out);
        }
        Ok(())
    }

    /// Closes all orders of a seat, oldest first.
    pub(super) fn close_all(
        &mut self,
        seat: u32,
        side: Option<Side>,
        status: OrderStatus,
        cause: CloseCause,
        out: &mut Events,
    ) {
        let mut ids = std::mem::take(&mut self.scratch);
        let newest = self.seats[seat as usize].newest;
        for slot in self.orders.of_seat(newest) {
            let node = self.orders.node(slot);
            if side.is_none_or(|side| side == node.side) {
                ids.push(node.id);
            }
        }
        ids.sort_unstable();
        for id in ids.drain(..) {
            // An earlier close may have taken this one along, by its list.
            if let Some(slot) = self.orders.find(OrderId(id)) {
                self.close(slot, status, cause, out);
            }
        }
        self.scratch = ids;
    }

    pub(super) fn cancel_list(
        &mut self,
        user: UserId,
        market: MarketId,
        list: ListId,
        out: &mut Events,
    ) -> Result<(), Reject> {
        self.check_market(market)?;
        let found = self.lists.get(&list.0).ok_or(Reject::UnknownList)?;
        let seat = &self.seats[found.seat as usize];
        if seat.user != user.0 || seat.market != market.0 {
            return Err(Reject::UnknownList);
        }
        let first = found.orders.into_iter().find(|id| *id != 0).expect("a list has open orders");
        let slot = self.orders.find(OrderId(first)).expect("a list knows its orders");
        self.close(slot, OrderStatus::Canceled, CloseCause::User, out);
        Ok(())
    }
}
