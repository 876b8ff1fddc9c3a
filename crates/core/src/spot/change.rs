//! Changes of open orders: amend, move, reduce, cancel-replace.

use super::command::{CancelOnly, MarketState, NewOrder, OrderKind, OrderRef, ReplaceMode, Side};
use super::event::{ChangeCause, CloseCause, Event, Events, OrderStatus};
use super::filters::Counts;
use super::place::{Checked, crosses};
use super::reject::Reject;
use super::state::Spot;
use crate::book::orders::Stage;
use crate::digest::Digest;
use crate::ids::{ListId, MarketId, OrderId, UserId};
use crate::num::{Amount, PriceTicks, QtyLots};
use crate::text::ClientId;

impl Spot {
    /// An open order whose market is in a state that allows changes.
    #[inline]
    fn find_changeable(&self, user: UserId, market: MarketId, order: &OrderRef, grows: bool) -> Result<u32, Reject> {
        let state = self.check_market(market)?.state;
        let found = self.find_order(user, market, order);
        // A move may trade, and a frozen account must not.
        if grows && self.is_frozen(user, found.ok().map(|slot| self.orders.node(slot).seat)) {
            return Err(Reject::AccountFrozen);
        }
        match state {
            MarketState::Halt => return Err(Reject::MarketHalted),
            MarketState::CancelOnly if grows => return Err(Reject::MarketCancelOnly),
            _ => {}
        }
        found
    }

    /// The same, of an order that is in no list.
    #[inline]
    fn find_alone(&self, user: UserId, market: MarketId, order: &OrderRef, grows: bool) -> Result<u32, Reject> {
        let slot = self.find_changeable(user, market, order, grows)?;
        if self.orders.node(slot).marks.listed() { Err(Reject::NotAmendable) } else { Ok(slot) }
    }

    /// A smaller total quantity, keeping priority (Binance Spot REST, `order/amend/keepPriority`).
    pub(super) fn amend(
        &mut self,
        user: UserId,
        market: MarketId,
        order: &OrderRef,
        qty: QtyLots,
        client_id: ClientId,
        out: &mut Events,
    ) -> Result<(), Reject> {
        let slot = self.find_changeable(user, market, order, false)?;
        let renames = !client_id.is_empty() && self.orders.client_id(slot) != client_id;
        if renames {
            self.check_new_name(user, &client_id)?;
        }
        let filters = &self.markets[market.0 as usize].spec.filters;
        let (node, detail) = (*self.orders.node(slot), *self.orders.detail(slot));
        if filters.amends_max != 0 && node.amends as u32 >= filters.amends_max {
            return Err(Reject::MaxAmends);
        }
        // As told in events: without what self-trade prevention took off.
        let total = detail.qty - detail.prevented;
        let filled = total - node.left;
        if qty.0 >= total || qty.0 <= filled {
            return Err(Reject::AmendQty);
        }
        // Both legs of a pair are of one quantity.
        let partner = self.sibling(slot);
        let legs = [Some(slot), partner];
        for leg in legs.into_iter().flatten() {
            super::filters::check_qty(self.orders.node(leg).kind, qty, filters)?;
        }
        for leg in legs.into_iter().flatten() {
            self.check_amended_notional(leg, qty)?;
        }
        if renames {
            self.rename(slot, user, market, client_id, out);
        }
        self.take_quantity(legs, total - qty.0);
        for leg in legs.into_iter().flatten() {
            let node = self.orders.node_mut(leg);
            node.amends = node.amends.saturating_add(1);
            self.tell_changed(leg, ChangeCause::Amended, out);
        }
        Ok(())
    }

    /// NOTIONAL with the quantity that an open order is to have.
    fn check_amended_notional(&self, slot: u32, qty: QtyLots) -> Result<(), Reject> {
        let node = self.orders.node(slot);
        let at = &self.markets[self.market_of(node.seat)];
        if at.spec.filters.notional_min == 0 && at.spec.filters.notional_max == 0 {
            return Ok(());
        }
        let price = PriceTicks(node.price);
        let new = NewOrder { kind: node.kind, ..NewOrder::limit(UserId(0), at.spec.id, node.side, price, qty) };
        super::filters::check_notional(&new, at, self.time)
    }

    fn check_new_name(&self, user: UserId, client_id: &ClientId) -> Result<(), Reject> {
        if self.clients.find(user.0, client_id).is_some() {
            return Err(Reject::ClientIdConflict);
        }
        let full = self.clients.index.len() >= self.limits.client_ids_max as usize;
        if full { Err(Reject::ClientIdsFull) } else { Ok(()) }
    }

    /// The old client id ends as if its order had; the new one is the order's.
    fn rename(&mut self, slot: u32, user: UserId, market: MarketId, client_id: ClientId, out: &mut Events) {
        let (old, order) = (self.orders.client_id(slot), self.orders.node(slot).id);
        let (status, filled) = (self.status_of(slot), self.filled_of(slot));
        let filled_quote = self.orders.detail(slot).filled_quote;
        self.close_client(user.0, &old, status, filled, filled_quote);
        self.orders.set_client_id(slot, user, market, client_id);
        // No order as sent has this body: a repetition of the new id is a conflict.
        let mut body = Digest::NEW;
        body.bytes(client_id.as_bytes());
        body.pair(order, u64::MAX);
        self.remember_client(user, client_id, market, body.value(), order, false);
        out.push(Event::Renamed { order: OrderId(order), user, market, client_id });
    }

    /// Takes lots off the total of an open order, or of both legs of a pair, with the funds they held.
    fn take_quantity(&mut self, legs: [Option<u32>; 2], lots: u64) {
        let first = legs[0].expect("an order is named");
        let place = self.reserve_of(first).0;
        let before = self.reserve_of_legs(legs);
        for slot in legs.into_iter().flatten() {
            self.orders.detail_mut(slot).qty -= lots;
            match self.orders.node(slot).stage {
                Stage::Resting => self.take_off(slot, lots),
                Stage::Waiting => self.shrink_waiting(slot, lots),
                Stage::Pending => {
                    self.orders.node_mut(slot).left -= lots;
                    self.orders.detail_mut(slot).updated = self.time.0;
                }
            }
        }
        let after = self.reserve_of_legs(legs);
        if before != after {
            self.ledger.release(place, before - after);
        }
    }

    /// A pair holds the larger of its reserves.
    fn reserve_of_legs(&self, legs: [Option<u32>; 2]) -> Amount {
        legs.into_iter().flatten().map(|slot| self.reserve_of(slot).1).max().unwrap_or(0)
    }

    /// A waiting stop gets smaller; a market-like stop buy keeps the same reserve per lot.
    fn shrink_waiting(&mut self, slot: u32, lots: u64) {
        let node = self.orders.node_mut(slot);
        let before = node.left;
        node.left -= lots;
        let (seat, side, left) = (node.seat, node.side, node.left);
        self.orders.detail_mut(slot).updated = self.time.0;
        let extra = self.orders.extra_mut(slot).expect("a stop has its extra");
        let per_lot = extra.reserve / before as i128;
        if extra.reserve != 0 {
            extra.reserve = per_lot * left as i128;
        }
        if side == Side::Buy {
            self.seats[seat as usize].buy_lots -= lots as u128;
        }
    }

    pub(super) fn reduce(
        &mut self,
        user: UserId,
        market: MarketId,
        order: &OrderRef,
        by: QtyLots,
        out: &mut Events,
    ) -> Result<(), Reject> {
        let slot = self.find_alone(user, market, order, false)?;
        if by.is_zero() {
            return Err(Reject::InvalidAmount);
        }
        if by.0 >= self.orders.node(slot).left {
            self.close(slot, OrderStatus::Canceled, CloseCause::Reduced, out);
            return Ok(());
        }
        self.take_quantity([Some(slot), None], by.0);
        self.tell_changed(slot, ChangeCause::Reduced, out);
        Ok(())
    }

    /// A new limit price: the order goes to the back of its new price, and may trade on the way.
    pub(super) fn move_order(
        &mut self,
        user: UserId,
        market: MarketId,
        order: &OrderRef,
        price: PriceTicks,
        out: &mut Events,
    ) -> Result<(), Reject> {
        let slot = self.find_alone(user, market, order, true)?;
        let node = *self.orders.node(slot);
        if node.stage != Stage::Resting {
            return Err(Reject::NotAmendable);
        }
        let at = &self.markets[market.0 as usize];
        let filters = &at.spec.filters;
        if !(filters.price_min..=filters.price_max).contains(&price) {
            return Err(Reject::PriceFilter);
        }
        if filters.notional_min != 0 || filters.notional_max != 0 {
            let new = NewOrder {
                kind: OrderKind::Limit,
                ..NewOrder::limit(user, market, node.side, price, QtyLots(node.left))
            };
            super::filters::check_notional(&new, at, self.time)?;
        }
        super::filters::check_percent(node.side, price, at, self.time)?;
        let best = at.best(node.side.opposite());
        let takes = at.state == MarketState::Trading && best != 0 && crosses(node.side, price.0, best);
        if takes && node.kind == OrderKind::LimitMaker {
            return Err(Reject::WouldTake);
        }
        self.rehold(slot, price)?;
        self.requeue(slot, price, takes, out);
        Ok(())
    }

    /// Holds for the new price of a buy what it needs more, or releases what it needs less.
    #[inline]
    fn rehold(&mut self, slot: u32, price: PriceTicks) -> Result<(), Reject> {
        let node = self.orders.node(slot);
        let (market, left, old) = (self.market_of(node.seat), node.left, node.price);
        let after =
            crate::num::notional(price, QtyLots(left), self.markets[market].quote_unit).ok_or(Reject::InvalidAmount)?;
        if node.side == Side::Sell {
            return Ok(());
        }
        let before = self.quote_of(market, old, left);
        let place = self.seats[node.seat as usize].quote;
        if after > before {
            return if self.ledger.hold(place, after - before) { Ok(()) } else { Err(Reject::InsufficientBalance) };
        }
        self.ledger.release(place, before - after);
        Ok(())
    }

    #[inline]
    fn requeue(&mut self, slot: u32, price: PriceTicks, takes: bool, out: &mut Events) {
        let node = *self.orders.node(slot);
        let market = self.market_of(node.seat);
        self.orders.dequeue(self.markets[market].ladder_mut(node.side), slot);
        self.orders.node_mut(slot).price = price.0;
        self.orders.refill(slot);
        self.orders.detail_mut(slot).updated = self.time.0;
        self.tell_changed(slot, ChangeCause::Moved, out);
        if !takes {
            self.orders.enqueue(self.markets[market].ladder_mut(node.side), slot);
            return;
        }
        if node.side == Side::Buy {
            self.seats[node.seat as usize].buy_lots -= node.left as u128;
        }
        let (_, reserve) = self.reserve_of(slot);
        let mut taker = self.taker_of(slot, reserve);
        let after = self.match_if_open(&mut taker, 0, out);
        self.finish_taker(&mut taker, after, None, ListId(0), out);
        self.after_trading(market, out);
    }

    /// Cancels one order and places another (Binance Spot REST, `order/cancelReplace`). The new order's own checks come
    /// first: when they fail, nothing is done.
    pub(super) fn cancel_replace(
        &mut self,
        cancel: &OrderRef,
        only: CancelOnly,
        mode: ReplaceMode,
        new: &NewOrder,
        out: &mut Events,
    ) -> Result<(), Reject> {
        let seat = self.find_seat(new.user.0, new.market);
        self.check_access(new, seat)?;
        let Some(body) = self.check_client(new, out)? else { return Ok(()) };
        self.check_order(new)?;
        let found = self.find_order(new.user, new.market, cancel).and_then(|slot| {
            self.check_only(slot, only)?;
            Ok(slot)
        });
        let freed = found.map_or(Counts::default(), |slot| self.counts_of(slot));
        self.check_counts(new, seat, Counts::default(), freed)?;
        match found {
            Ok(slot) => self.close(slot, OrderStatus::Canceled, CloseCause::User, out),
            Err(reason) if mode == ReplaceMode::StopOnFailure => return Err(reason),
            Err(reason) => {
                let (user, market) = (new.user, new.market);
                out.push(Event::CancelRefused { user, market, order: *cancel, reason });
            }
        }
        if let Err(reason) = self.place_checked(new, Checked { seat, body }, out) {
            self.tell_refused(0, new, reason, out);
        }
        Ok(())
    }

    /// What closing an order frees of its account's counts.
    fn counts_of(&self, slot: u32) -> Counts {
        let node = self.orders.node(slot);
        let iceberg = self.orders.extra(slot).is_some_and(|extra| super::filters::is_iceberg(&extra.new));
        let counts_lots = node.side == Side::Buy && node.stage != Stage::Pending;
        Counts {
            orders: 1,
            stops: (node.kind.is_stop() && !node.triggered) as u32,
            icebergs: iceberg as u32,
            buy_lots: if counts_lots { node.left as u128 } else { 0 },
        }
    }
}
