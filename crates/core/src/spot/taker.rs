//! An order while it takes: new, moved, triggered or activated. It lives on the stack until it rests or ends.

use super::command::{NewOrder, OrderKind, Side, StpMode, TimeInForce};
use super::event::{CloseCause, Closed, Event, Events, OrderStatus};
use super::state::Spot;
use crate::book::orders::{Detail, Extra, Marks, NIL, Node, Stage};
use crate::ids::{ListId, MarketId, OrderId, UserId};
use crate::ledger::Place;
use crate::num::{Amount, FeeRates, QtyLots};

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct Taker {
    pub id: u64,
    /// Its slot when it is stored already, else [`NIL`].
    pub slot: u32,
    pub seat: u32,
    pub market: usize,
    pub user: u64,
    pub user_at: u32,
    pub base: Place,
    pub quote: Place,
    pub side: Side,
    pub kind: OrderKind,
    pub tif: TimeInForce,
    pub stp: StpMode,
    pub rates: FeeRates,
    /// Worst price it trades at; without one, 0 for a sell and the maximum for a buy.
    pub limit: u64,
    pub qty: u64,
    pub left: u64,
    pub prevented: u64,
    pub filled: u64,
    pub filled_quote: Amount,
    /// Held for it and not spent yet.
    pub reserve: Amount,
    /// Quote left to spend or receive, for orders by quote amount.
    pub budget: Option<Amount>,
    /// A market buy by quantity: fills may not cost more than the reserve.
    pub capped: bool,
}

/// How an order stands after matching.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing against it: rests or expires by its time in force.
    Open,
    /// Ends now, whatever its time in force.
    Ends(OrderStatus, CloseCause),
}

impl Taker {
    /// An order by quote amount has no quantity of its own.
    pub fn by_quote(&self) -> bool {
        self.budget.is_some()
    }

    /// What events tell as left.
    pub fn told_left(&self) -> QtyLots {
        if self.by_quote() { QtyLots::ZERO } else { QtyLots(self.left) }
    }

    fn is_market_like(&self) -> bool {
        !self.kind.has_price()
    }
}

impl Spot {
    /// A taker for a new order with its id; nothing is held yet.
    #[inline]
    pub(super) fn taker(&self, id: u64, seat_at: u32, new: &NewOrder, rates: FeeRates) -> Taker {
        let seat = &self.seats[seat_at as usize];
        let has_price = new.kind.has_price();
        let open_limit = if new.side == Side::Buy { u64::MAX } else { 0 };
        Taker {
            id,
            slot: NIL,
            seat: seat_at,
            market: seat.market as usize,
            user: seat.user,
            user_at: seat.user_at,
            base: seat.base,
            quote: seat.quote,
            side: new.side,
            kind: new.kind,
            tif: new.tif,
            stp: new.stp,
            rates,
            limit: if has_price { new.price.0 } else { open_limit },
            qty: new.qty.0,
            left: new.qty.0,
            prevented: 0,
            filled: 0,
            filled_quote: 0,
            reserve: 0,
            budget: None,
            capped: false,
        }
    }

    /// A taker for a stored order that is in no queue; `reserve` is what is held for it.
    pub(super) fn taker_of(&self, slot: u32, reserve: Amount) -> Taker {
        let (node, detail) = (self.orders.node(slot), self.orders.detail(slot));
        let seat = &self.seats[node.seat as usize];
        let new = self.orders.as_new(slot, UserId(seat.user), MarketId(seat.market));
        let mut taker = self.taker(node.id, node.seat, &new, detail.rates);
        taker.slot = slot;
        taker.qty = detail.qty;
        taker.left = node.left;
        taker.prevented = detail.prevented;
        taker.filled = detail.filled(node.left);
        taker.filled_quote = detail.filled_quote;
        taker.reserve = reserve;
        taker
    }

    #[inline]
    pub(super) fn reserve_place(&self, taker: &Taker) -> Place {
        if taker.side == Side::Buy { taker.quote } else { taker.base }
    }

    /// After matching: closes what is done, rests what may rest.
    #[inline]
    pub(super) fn finish_taker(
        &mut self,
        taker: &mut Taker,
        after: After,
        new: Option<&NewOrder>,
        list: ListId,
        out: &mut Events,
    ) {
        let after = match after {
            After::Ends(..) => after,
            After::Open if taker.left == 0 => After::Ends(OrderStatus::Filled, CloseCause::Filled),
            After::Open if taker.is_market_like() || matches!(taker.tif, TimeInForce::Ioc | TimeInForce::Fok) => {
                After::Ends(OrderStatus::Expired, CloseCause::Unfilled)
            }
            After::Open => After::Open,
        };
        match after {
            After::Ends(status, cause) => self.end_taker(taker, (status, cause), new, out),
            After::Open => self.rest_taker(taker, new, list),
        }
    }

    fn end_taker(
        &mut self,
        taker: &mut Taker,
        (status, cause): (OrderStatus, CloseCause),
        new: Option<&NewOrder>,
        out: &mut Events,
    ) {
        let place = self.reserve_place(taker);
        self.ledger.release(place, taker.reserve);
        taker.reserve = 0;
        if taker.slot != NIL {
            self.store_progress(taker);
            let listed = self.list_of(taker.slot);
            self.tell_closed(taker.slot, status, cause, out);
            if let Some(list) = listed {
                self.leg_closed(list, taker.id, status, cause, out);
            }
            return;
        }
        let new = new.expect("an order that is not stored comes with what was sent");
        self.close_client(taker.user, &new.client_id, status, taker.filled, taker.filled_quote);
        out.push(Event::Closed(Closed {
            order: OrderId(taker.id),
            user: UserId(taker.user),
            market: MarketId(taker.market as u32),
            status,
            cause,
            filled: QtyLots(taker.filled),
            filled_quote: taker.filled_quote,
            left: taker.told_left(),
        }));
    }

    /// Writes what matching did back into the stored order.
    fn store_progress(&mut self, taker: &Taker) {
        let node = self.orders.node_mut(taker.slot);
        node.left = taker.left;
        let detail = self.orders.detail_mut(taker.slot);
        detail.prevented = taker.prevented;
        detail.filled_quote = taker.filled_quote;
        detail.updated = self.time.0;
    }

    /// Puts what is left into the book at its limit.
    #[inline]
    fn rest_taker(&mut self, taker: &mut Taker, new: Option<&NewOrder>, list: ListId) {
        let place = self.reserve_place(taker);
        let needed = match taker.side {
            Side::Buy => self.quote_of(taker.market, taker.limit, taker.left),
            Side::Sell => taker.left as i128 * self.markets[taker.market].base_unit as i128,
        };
        self.ledger.release(place, taker.reserve - needed);
        taker.reserve = needed;
        if taker.slot == NIL {
            let new = new.expect("an order that is not stored comes with what was sent");
            self.store_order(taker, new, list, Stage::Resting, 0);
        } else {
            self.store_progress(taker);
        }
        let slot = taker.slot;
        self.orders.node_mut(slot).price = taker.limit;
        self.orders.refill(slot);
        self.orders.enqueue(self.markets[taker.market].ladder_mut(taker.side), slot);
        if taker.side == Side::Buy {
            self.seats[taker.seat as usize].buy_lots += taker.left as u128;
        }
    }

    /// Stores a new order, with its place among the account's; it is in no queue yet.
    #[inline]
    pub(super) fn store_order(
        &mut self,
        taker: &mut Taker,
        new: &NewOrder,
        list: ListId,
        stage: Stage,
        reserve: Amount,
    ) {
        let now = self.time.0;
        let extra = if needs_extra(new, list) {
            let trailing = false;
            self.orders.store_extra(Extra { new: *new, list, trailing, extreme: 0, visible: 0, reserve })
        } else {
            NIL
        };
        let seat = &mut self.seats[taker.seat as usize];
        let node = Node {
            id: taker.id,
            price: new.price.0,
            left: taker.left,
            seat: taker.seat,
            level: NIL,
            prev: NIL,
            next: NIL,
            newer: NIL,
            older: seat.newest,
            extra,
            amends: 0,
            side: taker.side,
            kind: taker.kind,
            stage,
            marks: Marks::new(list.0 != 0, super::filters::is_iceberg(new)),
            tif: taker.tif,
            stp: taker.stp,
            triggered: false,
        };
        let detail = Detail {
            qty: taker.qty,
            prevented: taker.prevented,
            filled_quote: taker.filled_quote,
            created: now,
            updated: now,
            rates: taker.rates,
        };
        let slot = self.orders.store(node, detail);
        taker.slot = slot;
        let older = std::mem::replace(&mut seat.newest, slot);
        seat.open += 1;
        if older != NIL {
            self.orders.node_mut(older).newer = slot;
        }
        self.markets[taker.market].open += 1;
        if extra != NIL {
            let counts = &mut self.seat_extras[taker.seat as usize];
            counts.icebergs += super::filters::is_iceberg(new) as u32;
            counts.stops += new.kind.is_stop() as u32;
            if new.expire_at.0 != 0 && stage != Stage::Pending {
                self.expiries.insert((new.expire_at.0, taker.id));
            }
        }
    }
}

/// Has more to remember than price, quantity and account.
#[inline]
fn needs_extra(new: &NewOrder, list: ListId) -> bool {
    !new.client_id.is_empty()
        || new.kind.is_stop()
        || !new.display_qty.is_zero()
        || new.expire_at.0 != 0
        || list.0 != 0
        || !new.source.is_empty()
        || new.strategy_id != 0
        || new.strategy_type != 0
        || new.fees.is_some()
}
