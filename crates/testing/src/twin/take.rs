//! Matching an order against the book.

use allin_core::ids::{MarketId, OrderId, TradeId};
use allin_core::num::{Amount, PriceTicks, QtyLots};
use allin_core::spot::command::{MarketState, NewOrder, Side, StpMode, TimeInForce};
use allin_core::spot::event::{ChangeCause, Changed, CloseCause, Event, OrderStatus, Trade};

use super::Twin;
use super::state::{Order, Phase};

impl Twin {
    /// The orders in one side of a book, best first.
    pub fn book(&self, market: MarketId, side: Side) -> Vec<&Order> {
        let here = |o: &&Order| o.phase == Phase::Resting && o.new.market == market && o.new.side == side;
        let mut orders: Vec<&Order> = self.orders.values().filter(here).collect();
        orders.sort_by_key(|o| match side {
            Side::Buy => (u64::MAX - o.new.price.0, o.rank),
            Side::Sell => (o.new.price.0, o.rank),
        });
        orders
    }

    /// What a market order holds: what it would cost against the book as it stands, self-trades included.
    pub(super) fn market_cost(&self, new: &NewOrder) -> Amount {
        let market = self.market(new.market);
        let (base, quote) = (market.base_unit as i128, market.quote_unit as i128);
        let book = self.book(new.market, new.side.opposite());
        match (new.side, new.qty.is_zero()) {
            (Side::Sell, false) => new.qty.0 as i128 * base,
            (Side::Buy, true) => new.quote_amount,
            (Side::Buy, false) => {
                let mut left = new.qty;
                let mut cost: Amount = 0;
                for maker in book {
                    let lots = left.min(maker.left);
                    left = left - lots;
                    cost = cost.saturating_add(maker.new.price.0 as i128 * lots.0 as i128 * quote);
                }
                cost
            }
            (Side::Sell, true) => {
                let mut quote_left = new.quote_amount;
                let mut lots_sold = 0;
                for maker in book {
                    let price = maker.new.price.0 as i128 * quote;
                    let lots = (quote_left / price).min(maker.left.0 as i128);
                    quote_left -= lots * price;
                    lots_sold += lots;
                    if lots < maker.left.0 as i128 {
                        break;
                    }
                }
                lots_sold * base
            }
        }
    }

    /// An open order with a price begins to take; what it held until now is what it may spend.
    pub(super) fn start_taking(&mut self, id: OrderId) {
        let order = &self.orders[&id];
        let market = self.market(order.new.market);
        let left = order.left.0 as i128;
        let hold = match order.new.side {
            Side::Buy => order.new.price.0 as i128 * left * market.quote_unit as i128,
            Side::Sell => left * market.base_unit as i128,
        };
        let now = self.time;
        let order = self.order_mut(id);
        (order.phase, order.hold, order.updated_at) = (Phase::Taking, hold, now);
    }

    /// Trades an order as far as it goes and lets it rest or ends it.
    pub(super) fn take(&mut self, id: OrderId) {
        if self.orders[&id].new.tif == TimeInForce::Fok && !self.would_fill(id) {
            self.close(id, OrderStatus::Expired, CloseCause::Unfilled);
        } else {
            self.trade(id);
        }
    }

    /// Whether trading would fill all of the order, found out by doing so in a copy.
    fn would_fill(&self, id: OrderId) -> bool {
        let mut trial = self.clone();
        trial.trade(id);
        let order = &self.orders[&id];
        let whole = order.total();
        let told = trial.events[self.events.len()..].iter();
        let closed = told.filter_map(|event| if let Event::Closed(closed) = event { Some(closed) } else { None });
        let Some(end) = closed.into_iter().find(|closed| closed.order == id && closed.filled == whole) else {
            return false;
        };
        match order.new.side {
            _ if order.new.quote_amount == 0 => true,
            Side::Buy => end.filled_quote <= order.new.quote_amount,
            Side::Sell => end.filled_quote >= order.new.quote_amount,
        }
    }

    fn trade(&mut self, id: OrderId) {
        loop {
            let taker = self.orders[&id].clone();
            let done = if taker.is_by_quote() { taker.quote_left == 0 } else { taker.left.is_zero() };
            if done {
                return self.close(id, OrderStatus::Filled, CloseCause::Filled);
            }
            let market = taker.new.market;
            let best = self.book(market, taker.new.side.opposite()).first().map(|o| (*o).clone());
            let Some(maker) = best.filter(|maker| taker.accepts(maker.new.price)) else {
                return self.end_of_book(id);
            };
            let price = maker.new.price;
            let (wanted, covered) = (self.wanted(&taker, price), self.covered(&taker, price));
            if wanted.is_zero() || covered.is_zero() {
                // By quote, the amount may be done because it does not make a whole lot any more.
                let (status, cause) = match wanted.is_zero() && !taker.filled.is_zero() {
                    true => (OrderStatus::Filled, CloseCause::Filled),
                    false => (OrderStatus::Expired, CloseCause::Unfilled),
                };
                return self.close(id, status, cause);
            }
            self.renew_band(market);
            if taker.new.stp != StpMode::None && self.same_group(&taker, &maker) {
                // By quote, what it may spend is all that it wants.
                let wanted = if taker.is_by_quote() { wanted.min(covered) } else { wanted };
                if !self.prevent(&taker, &maker, wanted) {
                    return;
                }
                continue;
            }
            if self.breaks_band(market, price) {
                self.enter_state(market, MarketState::Halt, true);
                return self.close(id, OrderStatus::Expired, CloseCause::Halted);
            }
            let qty = wanted.min(maker.visible).min(covered);
            self.fill(maker.id, id, price, qty, false);
        }
    }

    /// No more orders that it may trade with.
    fn end_of_book(&mut self, id: OrderId) {
        let new = &self.orders[&id].new;
        if new.kind.has_price() && matches!(new.tif, TimeInForce::Gtc | TimeInForce::Gtd) {
            self.with_held(new.user, self.hold_asset(new.market, new.side), |twin| twin.rest(id));
        } else {
            self.close(id, OrderStatus::Expired, CloseCause::Unfilled);
        }
    }

    /// Lots that the taker wants at a price.
    fn wanted(&self, taker: &Order, price: PriceTicks) -> QtyLots {
        if !taker.is_by_quote() {
            return taker.left;
        }
        let lots = taker.quote_left / (price.0 as i128 * self.market(taker.new.market).quote_unit as i128);
        QtyLots(u64::try_from(lots).unwrap_or(u64::MAX))
    }

    /// Lots that the taker's hold pays for at a price.
    fn covered(&self, taker: &Order, price: PriceTicks) -> QtyLots {
        if !taker.is_market_like() {
            return taker.left;
        }
        let market = self.market(taker.new.market);
        let lots = match taker.new.side {
            Side::Buy => taker.hold / (price.0 as i128 * market.quote_unit as i128),
            Side::Sell => taker.hold / market.base_unit as i128,
        };
        QtyLots(u64::try_from(lots).unwrap_or(u64::MAX))
    }

    fn same_group(&self, a: &Order, b: &Order) -> bool {
        self.user_or_default(a.new.user).group == self.user_or_default(b.new.user).group
    }

    /// Keeps two orders of one group apart. False when the taker is no more.
    fn prevent(&mut self, taker: &Order, maker: &Order, wanted: QtyLots) -> bool {
        let qty = wanted.min(maker.left);
        self.events.push(Event::Prevented {
            market: taker.new.market,
            maker_order: maker.id,
            taker_order: taker.id,
            maker_user: maker.new.user,
            taker_user: taker.new.user,
            price: maker.new.price,
            qty,
        });
        let (maker_ends, taker_ends, cause) = match taker.new.stp {
            StpMode::None => unreachable!("the caller lets these trade"),
            StpMode::ExpireTaker => (false, true, CloseCause::SelfTrade),
            StpMode::ExpireMaker => (true, false, CloseCause::SelfTrade),
            StpMode::ExpireBoth => (true, true, CloseCause::SelfTrade),
            StpMode::Decrement => {
                // Its quantity changes, so it is a pair no more.
                self.close_partner(maker.id);
                self.decrement(maker.id, qty, maker.new.price);
                self.decrement(taker.id, qty, maker.new.price);
                (qty == maker.left, qty == wanted, CloseCause::SelfTrade)
            }
        };
        for (id, ends) in [(maker.id, maker_ends), (taker.id, taker_ends)] {
            if ends {
                self.close(id, OrderStatus::ExpiredInMatch, cause);
            } else if taker.new.stp == StpMode::Decrement {
                self.tell_change(id, ChangeCause::Decremented);
            }
        }
        !taker_ends
    }

    fn decrement(&mut self, id: OrderId, qty: QtyLots, price: PriceTicks) {
        let (user, asset) = self.order_held_asset(id);
        let unit = self.market(self.orders[&id].new.market).quote_unit as i128;
        let now = self.time;
        self.with_held(user, asset, |twin| {
            let order = twin.order_mut(id);
            if order.is_by_quote() {
                order.quote_left -= price.0 as i128 * qty.0 as i128 * unit;
            } else {
                order.left = order.left - qty;
                order.visible = order.visible.min(order.left);
            }
            order.prevented = order.prevented + qty;
            order.updated_at = now;
        });
    }

    pub(super) fn tell_change(&mut self, id: OrderId, cause: ChangeCause) {
        let order = &self.orders[&id];
        let (user, market, price) = (order.new.user, order.new.market, order.new.price);
        let (qty, left) = (order.total(), order.left);
        self.events.push(Event::Changed(Changed { order: id, user, market, cause, price, qty, left }));
    }

    /// An old reference of the price band is renewed when an order meets the other side of the book.
    fn renew_band(&mut self, market: MarketId) {
        let now = self.time;
        let market = self.market_mut(market);
        let (bips, window) = (market.spec.filters.band_bips, market.spec.filters.band_window_us);
        let old = window != 0 && now >= market.band_since.plus(window);
        if bips != 0 && old && !market.last.is_none() {
            (market.band_reference, market.band_since) = (market.last, now);
        }
    }

    /// Whether a fill at this price is too far from the reference. The first trade makes one.
    fn breaks_band(&self, market: MarketId, price: PriceTicks) -> bool {
        let market = self.market(market);
        let (reference, bips) = (market.band_reference.0 as u128, market.spec.filters.band_bips as u128);
        reference != 0 && bips != 0 && (price.0 as u128).abs_diff(reference) * 10_000 > reference * bips
    }

    /// One trade between two open orders, at one price.
    pub(super) fn fill(&mut self, maker: OrderId, taker: OrderId, price: PriceTicks, qty: QtyLots, auction: bool) {
        self.close_partner(maker);
        self.close_partner(taker);
        let market_id = self.orders[&taker].new.market;
        let market = self.market(market_id);
        let quote = price.0 as i128 * qty.0 as i128 * market.quote_unit as i128;
        let base = qty.0 as i128 * market.base_unit as i128;
        self.fill_order(maker, qty, base, quote);
        self.fill_order(taker, qty, base, quote);

        let (maker_now, taker_now) = (self.orders[&maker].clone(), self.orders[&taker].clone());
        let fees = self.exchange(&maker_now, &taker_now, base, quote, auction);

        let now = self.time;
        let market = self.market_mut(market_id);
        if market.band_reference.is_none() {
            (market.band_reference, market.band_since) = (price, now);
        }
        market.trades_made += 1;
        let trade = TradeId(market.trades_made);
        self.remember_fill(market_id, price, qty);
        self.events.push(Event::Trade(Trade {
            trade,
            market: market_id,
            price,
            qty,
            quote,
            taker_side: taker_now.new.side,
            maker_order: maker,
            taker_order: taker,
            maker_user: maker_now.new.user,
            taker_user: taker_now.new.user,
            maker_fee: fees.maker,
            taker_fee: fees.taker,
            maker_fee_asset: fees.maker_asset,
            taker_fee_asset: fees.taker_asset,
            maker_left: maker_now.left,
            taker_left: taker_now.left,
            auction,
        }));
        self.after_fill(maker);
        if auction {
            self.after_fill(taker);
        }
    }

    fn fill_order(&mut self, id: OrderId, qty: QtyLots, base: Amount, quote: Amount) {
        let now = self.time;
        let order = self.order_mut(id);
        if order.is_by_quote() {
            order.quote_left -= quote;
        } else {
            order.left = order.left - qty;
        }
        if order.phase == Phase::Resting {
            order.visible = order.visible - qty;
        } else {
            order.hold -= if order.new.side == Side::Buy { quote } else { base };
        }
        order.filled = order.filled + qty;
        order.filled_quote += quote;
        order.updated_at = now;
    }

    /// A resting order that traded ends, or shows its next part at the back of its price.
    fn after_fill(&mut self, id: OrderId) {
        let order = &self.orders[&id];
        if order.left.is_zero() {
            self.close(id, OrderStatus::Filled, CloseCause::Filled);
        } else if order.visible.is_zero() {
            self.rest(id);
        }
    }
}
