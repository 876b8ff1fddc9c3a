//! Order lists: OCO, OTO, OTOCO (Binance Spot REST, `orderList/*`).

use super::clients::{Known, body_of_list};
use super::command::{ListOrders, NewList, NewOrder, OrderKind, Side};
use super::event::{CloseCause, Contingency, Event, Events, OrderStatus};
use super::filters::Counts;
use super::place::Checked;
use super::reject::Reject;
use super::state::{List, Spot};
use super::taker::{After, Taker};
use crate::book::orders::Stage;
use crate::ids::{ListId, MarketId, OrderId, UserId};
use crate::num::{Amount, PriceTicks, QtyLots};

impl Spot {
    pub(super) fn place_list(&mut self, list: &NewList, out: &mut Events) -> Result<(), Reject> {
        let legs = list.orders.as_array();
        let first = *legs[0].expect("a list has a first order");
        for leg in legs.into_iter().flatten() {
            self.check_access(leg, self.find_seat(leg.user.0, leg.market))?;
        }
        let mut list_body = 0;
        if !list.client_id.is_empty() {
            list_body = body_of_list(list);
            if let Known::Again(answer) = self.known_client(first.user, &list.client_id, list_body)? {
                out.push(Event::Repeated(answer));
                return Ok(());
            }
        }
        let bodies = self.check_leg_clients(list)?;
        check_list_form(list)?;
        let seat = self.find_seat(first.user.0, first.market);
        self.check_legs(legs, seat)?;
        self.check_legs_now(&list.orders)?;
        self.accept_list(list, Checked { seat, body: list_body }, bodies, out)
    }

    /// Client ids of the legs: new, and different from each other and from the list's.
    fn check_leg_clients(&self, list: &NewList) -> Result<[u64; 3], Reject> {
        let mut bodies = [0; 3];
        let legs = list.orders.as_array();
        for (at, leg) in legs.iter().enumerate() {
            let Some(leg) = leg else { continue };
            if leg.client_id.is_empty() {
                continue;
            }
            let twice = legs[..at].iter().flatten().any(|other| other.client_id == leg.client_id)
                || leg.client_id == list.client_id;
            bodies[at] = super::clients::body_of(leg);
            match self.known_client(leg.user, &leg.client_id, bodies[at])? {
                Known::New if !twice => {}
                _ => return Err(Reject::ClientIdConflict),
            }
        }
        Ok(bodies)
    }

    fn check_legs(&self, legs: [Option<&NewOrder>; 3], seat: Option<u32>) -> Result<(), Reject> {
        for leg in legs.into_iter().flatten() {
            self.check_order(leg)?;
        }
        let mut also = Counts::default();
        for leg in legs.into_iter().flatten() {
            self.check_counts(leg, seat, also, Counts::default())?;
            also = also.plus(Counts { buy_lots: 0, ..Counts::of(leg) });
        }
        let market = legs[0].expect("a list has a first order").market;
        let lists_max = self.markets[market.0 as usize].spec.filters.order_lists_max;
        let lists = seat.map_or(0, |seat| self.seat_extras[seat as usize].lists);
        if lists_max != 0 && lists >= lists_max {
            return Err(Reject::MaxOrderLists);
        }
        Ok(())
    }

    /// Legs that work from the start: against the book, and the funds they need.
    fn check_legs_now(&self, orders: &ListOrders) -> Result<(), Reject> {
        let (place_of, need) = match orders {
            ListOrders::Oco { above, below } => {
                self.check_book(above)?;
                self.check_book(below)?;
                (above, self.reserve_for(above).0.max(self.reserve_for(below).0))
            }
            ListOrders::Oto { working, .. } | ListOrders::Otoco { working, .. } => {
                self.check_book(working)?;
                (working, self.reserve_for(working).0)
            }
        };
        let spec = &self.markets[place_of.market.0 as usize].spec;
        let asset = if place_of.side == Side::Buy { spec.quote } else { spec.base };
        let balance = self.ledger.find(super::command::Account::User(place_of.user), asset);
        if balance.map_or(0, |place| self.ledger.available(place)) < need {
            return Err(Reject::InsufficientBalance);
        }
        Ok(())
    }

    fn accept_list(
        &mut self,
        list: &NewList,
        checked: Checked,
        bodies: [u64; 3],
        out: &mut Events,
    ) -> Result<(), Reject> {
        let legs = list.orders.as_array();
        let first = *legs[0].expect("a list has a first order");
        let seat = self.open_seat(first.user.0, first.market);
        let id = ListId(self.next_list);
        self.next_list += 1;
        let mut ids = [0; 3];
        for (at, _) in legs.iter().enumerate().filter(|(_, leg)| leg.is_some()) {
            ids[at] = self.next_order + at as u64;
        }
        let contingency = match list.orders {
            ListOrders::Oco { .. } => Contingency::Oco,
            ListOrders::Oto { .. } => Contingency::Oto,
            ListOrders::Otoco { .. } => Contingency::Otoco,
        };
        let (user, market, client_id) = (first.user, first.market, list.client_id);
        out.push(Event::ListPlaced { list: id, user, market, client_id, contingency, orders: ids.map(OrderId) });
        self.lists.insert(id.0, List { seat, contingency, client_id, orders: ids });
        self.seat_extras[seat as usize].lists += 1;
        self.remember_client(user, client_id, market, checked.body, ids[0], true);
        let mut takers: [Option<Taker>; 3] = [None; 3];
        for (at, leg) in legs.iter().enumerate() {
            let Some(leg) = leg else { continue };
            let waits = contingency != Contingency::Oco && at > 0;
            let status = if waits { OrderStatus::PendingNew } else { OrderStatus::New };
            let mut taker = self.accept(leg, seat, id, status, out);
            self.remember_client(user, leg.client_id, market, bodies[at], taker.id, false);
            if waits {
                self.store_order(&mut taker, leg, id, Stage::Pending, 0);
            }
            takers[at] = Some(taker);
        }
        self.start_list(list, id, takers, out);
        self.after_trading(market.0 as usize, out);
        Ok(())
    }

    fn start_list(&mut self, list: &NewList, id: ListId, mut takers: [Option<Taker>; 3], out: &mut Events) {
        match &list.orders {
            ListOrders::Oco { above, below } => {
                let [Some(mut a), Some(mut b), _] = takers else { unreachable!("an OCO has two legs") };
                self.fund_pair(&mut a, above, &mut b, below);
                self.start_leg(&mut a, above, id);
                self.start_leg(&mut b, below, id);
            }
            ListOrders::Oto { working, .. } | ListOrders::Otoco { working, .. } => {
                let taker = takers[0].as_mut().expect("a list has a working order");
                let (reserve, lots) = self.reserve_for(working);
                self.fund(taker, working, reserve, lots);
                // Stored before it matches, so that its end finds its list like any other's.
                self.store_order(taker, working, id, Stage::Pending, 0);
                if working.expire_at.0 != 0 {
                    self.expiries.insert((working.expire_at.0, taker.id));
                }
                let after = self.match_if_open(taker, 0, out);
                self.finish_taker(taker, after, None, id, out);
            }
        }
    }

    /// Holds the larger reserve of an OCO pair; the caller made sure that it is there.
    fn fund_pair(&mut self, a: &mut Taker, above: &NewOrder, b: &mut Taker, below: &NewOrder) {
        let (ra, rb) = (self.reserve_for(above).0, self.reserve_for(below).0);
        let held = self.ledger.hold(self.reserve_place(a), ra.max(rb));
        assert!(held, "the caller checked the funds");
        (a.reserve, b.reserve) = (ra, rb);
    }

    /// Puts a leg of an OCO pair into the book or among the stops; it does not take.
    fn start_leg(&mut self, taker: &mut Taker, new: &NewOrder, list: ListId) {
        if new.kind.is_stop() {
            let reserve = taker.reserve;
            self.wait_for_trigger(taker, new, list, reserve);
        } else {
            self.finish_taker(taker, After::Open, Some(new), list, &mut vec![]);
        }
    }

    /// The working order of a list is filled: its pending orders are placed, as by themselves.
    pub(super) fn activate_list(&mut self, list_id: u64, out: &mut Events) {
        let Some(list) = self.lists.get(&list_id).copied() else { return };
        let pending: Vec<u32> = list.orders[1..]
            .iter()
            .filter(|id| **id != 0)
            .map(|id| self.orders.find(OrderId(*id)).expect("a list knows its orders"))
            .collect();
        match pending[..] {
            [] => self.end_list_if_empty(list_id, out),
            [slot] => self.activate_single(slot, out),
            [above, below] => self.activate_pair(above, below, out),
            _ => unreachable!("at most two orders are pending"),
        }
    }

    /// The pending order as it would be sent now.
    fn pending_order(&self, slot: u32) -> NewOrder {
        let seat = &self.seats[self.orders.node(slot).seat as usize];
        self.orders.as_new(slot, UserId(seat.user), MarketId(seat.market))
    }

    /// Whether a pending order can work now, and what it needs.
    fn check_pending(&self, new: &NewOrder) -> Result<Amount, Reject> {
        self.check_access(new, self.find_seat(new.user.0, new.market))?;
        if new.expire_at.0 != 0 && new.expire_at <= self.time {
            return Err(Reject::ExpireTime);
        }
        self.check_book(new)?;
        Ok(self.reserve_for(new).0)
    }

    fn activate_single(&mut self, slot: u32, out: &mut Events) {
        let new = self.pending_order(slot);
        let mut taker = self.taker_of(slot, 0);
        let place = self.reserve_place(&taker);
        match self.check_pending(&new) {
            Ok(reserve) if self.ledger.hold(place, reserve) => taker.reserve = reserve,
            Ok(_) => {
                return self.close(slot, OrderStatus::Expired, CloseCause::Refused(Reject::InsufficientBalance), out);
            }
            Err(reason) => return self.close(slot, OrderStatus::Expired, CloseCause::Refused(reason), out),
        }
        self.tell_activated(slot, &new, out);
        if new.kind.is_stop() {
            let reserve = taker.reserve;
            return self.wait_for_trigger(&mut taker, &new, ListId(0), reserve);
        }
        taker.capped = new.kind == OrderKind::Market && new.side == Side::Buy;
        let after = self.match_if_open(&mut taker, 0, out);
        self.finish_taker(&mut taker, after, None, ListId(0), out);
    }

    fn tell_activated(&mut self, slot: u32, new: &NewOrder, out: &mut Events) {
        let id = self.orders.node(slot).id;
        self.orders.detail_mut(slot).updated = self.time.0;
        if new.expire_at.0 != 0 {
            self.expiries.insert((new.expire_at.0, id));
        }
        let price = PriceTicks(self.markets[new.market.0 as usize].last);
        out.push(Event::Triggered { order: OrderId(id), user: new.user, market: new.market, price });
    }

    fn activate_pair(&mut self, above: u32, below: u32, out: &mut Events) {
        let (new_above, new_below) = (self.pending_order(above), self.pending_order(below));
        let checked = self.check_pending(&new_above).and_then(|a| Ok((a, self.check_pending(&new_below)?)));
        let (mut a, mut b) = (self.taker_of(above, 0), self.taker_of(below, 0));
        let place = self.reserve_place(&a);
        let refused = match checked {
            Ok((ra, rb)) if self.ledger.hold(place, ra.max(rb)) => {
                (a.reserve, b.reserve) = (ra, rb);
                None
            }
            Ok(_) => Some(Reject::InsufficientBalance),
            Err(reason) => Some(reason),
        };
        if let Some(reason) = refused {
            return self.close(above, OrderStatus::Expired, CloseCause::Refused(reason), out);
        }
        self.tell_activated(above, &new_above, out);
        self.tell_activated(below, &new_below, out);
        self.start_leg(&mut a, &new_above, ListId(0));
        self.start_leg(&mut b, &new_below, ListId(0));
    }
}

/// One account, one market, no quote amounts; legs of the kinds and sides that the list type takes.
fn check_list_form(list: &NewList) -> Result<(), Reject> {
    let legs = list.orders.as_array();
    let first = legs[0].expect("a list has a first order");
    let together =
        legs.iter().flatten().all(|leg| leg.user == first.user && leg.market == first.market && leg.quote_amount == 0);
    let fits = match &list.orders {
        ListOrders::Oco { above, below } => is_pair(above, below),
        ListOrders::Oto { working, .. } => is_working(working),
        ListOrders::Otoco { working, above, below } => is_working(working) && is_pair(above, below),
    };
    if together && fits { Ok(()) } else { Err(Reject::InvalidCombination) }
}

fn is_working(order: &NewOrder) -> bool {
    matches!(order.kind, OrderKind::Limit | OrderKind::LimitMaker)
}

/// A profit leg and a loss leg on the two sides of the market.
fn is_pair(above: &NewOrder, below: &NewOrder) -> bool {
    let takes_profit =
        |kind| matches!(kind, OrderKind::LimitMaker | OrderKind::TakeProfit | OrderKind::TakeProfitLimit);
    let kinds = match above.side {
        Side::Sell => takes_profit(above.kind) && below.kind.is_stop_loss(),
        Side::Buy => above.kind.is_stop_loss() && takes_profit(below.kind),
    };
    let reach = |leg: &NewOrder| if leg.kind.is_stop() { leg.stop_price } else { leg.price };
    let apart = reach(above).is_none() || reach(below).is_none() || reach(above) > reach(below);
    let same: (Side, QtyLots) = (below.side, below.qty);
    kinds && apart && same == (above.side, above.qty)
}
