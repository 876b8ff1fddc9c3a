//! New orders: checked, funded, placed, and matched or left to wait.

use super::clients::{Known, body_of};
use super::command::{BATCH_MAX, MarketState, NewOrder, OrderKind, Side, TimeInForce};
use super::event::{CloseCause, Event, Events, OrderStatus, Placed};
use super::filters::Counts;
use super::reject::Reject;
use super::state::Spot;
use super::taker::{After, Taker};
use crate::book::orders::Stage;
use crate::ids::{ListId, OrderId};
use crate::num::{Amount, FeeRates, QTY_MAX};

/// What the checks found out about an order.
#[derive(Clone, Copy)]
pub(super) struct Checked {
    pub seat: Option<u32>,
    pub body: u64,
}

impl Spot {
    pub(super) fn place(&mut self, new: &NewOrder, out: &mut Events) -> Result<(), Reject> {
        let seat = self.find_seat(new.user.0, new.market);
        self.check_access(new, seat)?;
        let body = match self.check_client(new, out)? {
            Some(body) => body,
            None => return Ok(()),
        };
        self.check_order(new)?;
        self.check_counts(new, seat, Counts::default(), Counts::default())?;
        self.place_checked(new, Checked { seat, body }, out)
    }

    /// The body hash of an order to place; `None` when its client id is known and its answer was given again.
    #[inline]
    pub(super) fn check_client(&self, new: &NewOrder, out: &mut Events) -> Result<Option<u64>, Reject> {
        if new.client_id.is_empty() {
            return Ok(Some(0));
        }
        let body = body_of(new);
        match self.known_client(new.user, &new.client_id, body)? {
            Known::New => Ok(Some(body)),
            Known::Again(answer) => {
                out.push(Event::Repeated(answer));
                Ok(None)
            }
        }
    }

    /// The part that depends on the book and the funds; then the order is in.
    #[inline]
    pub(super) fn place_checked(&mut self, new: &NewOrder, checked: Checked, out: &mut Events) -> Result<(), Reject> {
        self.check_book(new)?;
        let (reserve, lots) = self.reserve_for(new);
        let place = match checked.seat {
            Some(seat) if new.side == Side::Buy => self.seats[seat as usize].quote,
            Some(seat) => self.seats[seat as usize].base,
            None => {
                let spec = &self.markets[new.market.0 as usize].spec;
                let asset = if new.side == Side::Buy { spec.quote } else { spec.base };
                let account = super::command::Account::User(new.user);
                self.ledger.find(account, asset).unwrap_or(crate::ledger::Place::NONE)
            }
        };
        if self.ledger.available(place) < reserve {
            return Err(Reject::InsufficientBalance);
        }
        let seat = match checked.seat {
            Some(seat) => seat,
            None => self.open_seat(new.user.0, new.market),
        };
        let mut taker = self.accept(new, seat, ListId(0), OrderStatus::New, out);
        self.remember_client(new.user, new.client_id, new.market, checked.body, taker.id, false);
        self.fund(&mut taker, new, reserve, lots);
        self.work(&mut taker, new, ListId(0), out);
        self.after_trading(taker.market, out);
        Ok(())
    }

    /// Post-only orders must not take; stops must not trigger at once.
    #[inline]
    pub(super) fn check_book(&self, new: &NewOrder) -> Result<(), Reject> {
        let market = &self.markets[new.market.0 as usize];
        match new.kind {
            OrderKind::LimitMaker if market.state == MarketState::Trading => {
                let best = market.best(new.side.opposite());
                if best != 0 && crosses(new.side, new.price.0, best) { Err(Reject::WouldTake) } else { Ok(()) }
            }
            kind if kind.is_stop() && new.trailing_delta == 0 && market.last != 0 => {
                let triggers = super::stops::is_reached(new.kind, new.side, new.stop_price.0, market.last);
                if triggers { Err(Reject::WouldTrigger) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Gives the order its id and tells that it is placed.
    #[inline]
    pub(super) fn accept(
        &mut self,
        new: &NewOrder,
        seat: u32,
        list: ListId,
        status: OrderStatus,
        out: &mut Events,
    ) -> Taker {
        let id = self.next_order;
        self.next_order += 1;
        let rates: FeeRates = match new.fees {
            Some(rates) => rates,
            None => self.seats[seat as usize].rates,
        };
        out.push(Event::Placed(Placed { order: OrderId(id), new: *new, rates, list, status }));
        self.taker(id, seat, new, rates)
    }

    /// Holds what the order needs; the caller made sure that it is there.
    #[inline]
    pub(super) fn fund(&mut self, taker: &mut Taker, new: &NewOrder, reserve: Amount, lots: u64) {
        let held = self.ledger.hold(self.reserve_place(taker), reserve);
        assert!(held, "the caller checked the funds");
        taker.reserve = reserve;
        if new.kind == OrderKind::Market {
            taker.capped = new.side == Side::Buy && !new.qty.is_zero();
            if new.qty.is_zero() {
                taker.budget = Some(new.quote_amount);
                taker.left = lots;
                taker.qty = 0;
            }
        }
    }

    /// What a new order must hold, and for one by quote amount the most lots that it may trade.
    #[inline]
    pub(super) fn reserve_for(&self, new: &NewOrder) -> (Amount, u64) {
        let market = &self.markets[new.market.0 as usize];
        let at = new.market.0 as usize;
        if new.kind == OrderKind::Market {
            return match (new.side, new.qty.is_zero()) {
                (Side::Buy, false) => (self.walk_cost(at, Side::Buy, new.qty.0).1, new.qty.0),
                (Side::Buy, true) => (new.quote_amount, QTY_MAX.0),
                (Side::Sell, false) => (new.qty.0 as i128 * market.base_unit as i128, new.qty.0),
                (Side::Sell, true) => {
                    let lots = self.walk_lots(at, new.quote_amount);
                    (lots as i128 * market.base_unit as i128, lots)
                }
            };
        }
        let amount = match new.side {
            Side::Sell => new.qty.0 as i128 * market.base_unit as i128,
            Side::Buy if new.kind.has_price() => self.quote_of(at, new.price.0, new.qty.0),
            Side::Buy => self.quote_of(at, super::filters::stop_hold_price(new, market), new.qty.0),
        };
        (amount, new.qty.0)
    }

    /// Lots that the other side has for an order of this side, at most `lots`, and their quote amount.
    pub(super) fn walk_cost(&self, market: usize, side: Side, lots: u64) -> (u64, Amount) {
        let (mut left, mut quote) = (lots, 0 as Amount);
        for slot in self.orders.walk(self.markets[market].ladder(side.opposite())) {
            if left == 0 {
                break;
            }
            let node = self.orders.node(slot);
            let take = left.min(node.left);
            // A sum past every balance is as good as the largest number.
            quote = quote.saturating_add(self.quote_of(market, node.price, take));
            left -= take;
        }
        (lots - left, quote)
    }

    /// Lots that a sale for `quote` needs.
    fn walk_lots(&self, market: usize, quote: Amount) -> u64 {
        let unit = self.markets[market].quote_unit as u128;
        let (mut budget, mut lots) = (quote, 0u64);
        for slot in self.orders.walk(&self.markets[market].bids) {
            let node = self.orders.node(slot);
            let affordable = u64::try_from(budget as u128 / (node.price as u128 * unit)).unwrap_or(u64::MAX);
            let take = affordable.min(node.left).min(QTY_MAX.0 - lots);
            lots += take;
            budget -= self.quote_of(market, node.price, take);
            if take < node.left {
                break;
            }
        }
        lots
    }

    /// Lets an accepted and funded order wait, match, rest or end.
    #[inline]
    pub(super) fn work(&mut self, taker: &mut Taker, new: &NewOrder, list: ListId, out: &mut Events) {
        if new.kind.is_stop() {
            let reserve = taker.reserve;
            return self.wait_for_trigger(taker, new, list, reserve);
        }
        let after = self.match_if_open(taker, new.quote_amount, out);
        self.finish_taker(taker, after, Some(new), list, out);
    }

    /// Matches in a trading market; an order that must fill whole is looked at first.
    #[inline]
    pub(super) fn match_if_open(&mut self, taker: &mut Taker, budget: Amount, out: &mut Events) -> After {
        if self.markets[taker.market].state != MarketState::Trading {
            return After::Open;
        }
        if taker.tif == TimeInForce::Fok && !self.can_fill(taker, budget) {
            return After::Ends(OrderStatus::Expired, CloseCause::Unfilled);
        }
        self.match_taker(taker, out)
    }

    pub(super) fn place_batch(&mut self, orders: &[NewOrder], out: &mut Events) -> Result<(), Reject> {
        if orders.is_empty() || orders.len() > BATCH_MAX {
            return Err(Reject::InvalidCombination);
        }
        for (position, new) in orders.iter().enumerate() {
            if let Err(reason) = self.place(new, out) {
                self.tell_refused(position as u8, new, reason, out);
            }
        }
        Ok(())
    }

    pub(super) fn tell_refused(&self, position: u8, new: &NewOrder, reason: Reject, out: &mut Events) {
        out.push(Event::PlaceRefused {
            position,
            user: new.user,
            market: new.market,
            client_id: new.client_id,
            reason,
        });
    }

    /// Waits for the trigger, with `reserve` held.
    pub(super) fn wait_for_trigger(&mut self, taker: &mut Taker, new: &NewOrder, list: ListId, reserve: Amount) {
        if taker.slot == crate::book::orders::NIL {
            self.store_order(taker, new, list, Stage::Waiting, reserve);
        } else {
            self.orders.node_mut(taker.slot).stage = Stage::Waiting;
            self.orders.extra_mut(taker.slot).expect("a stop has its extra").reserve = reserve;
        }
        if taker.side == Side::Buy {
            self.seats[taker.seat as usize].buy_lots += taker.left as u128;
        }
        self.insert_stop(taker.market, taker.slot);
    }
}

/// Whether an order of `side` with `limit` trades at `price` of the other side.
#[inline]
pub(super) fn crosses(side: Side, limit: u64, price: u64) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}
