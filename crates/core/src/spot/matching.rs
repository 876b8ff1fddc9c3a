//! Matching: price-time priority, each fill at the maker's price, self-trade prevention by the taker's mode.

use super::command::{MarketState, Side, StpMode};
use super::event::{ChangeCause, Changed, CloseCause, Event, Events, OrderStatus, Trade};
use super::state::Spot;
use super::taker::{After, Taker};
use crate::book::orders::Node;
use crate::ids::{AssetId, MarketId, OrderId, TradeId, UserId};
use crate::num::{Amount, PriceTicks, QTY_MAX, QtyLots};

impl Spot {
    /// Trades the taker against the other side as far as its limit, quantity and budget go.
    #[inline]
    pub(super) fn match_taker(&mut self, taker: &mut Taker, out: &mut Events) -> After {
        let mut first = true;
        while taker.left > 0 {
            let Some((key, level)) = self.markets[taker.market].ladder(taker.side.opposite()).best() else { break };
            let price = if taker.side == Side::Buy { !key } else { key };
            if (taker.side == Side::Buy && price > taker.limit) || (taker.side == Side::Sell && price < taker.limit) {
                break;
            }
            let affordable = self.affordable(taker, price);
            if affordable == 0 {
                break;
            }
            if std::mem::take(&mut first) {
                self.renew_reference(taker.market);
            }
            let maker = self.orders.levels[level as usize].head;
            let node = *self.orders.node(maker);
            if self.keeps_apart(taker, node.seat) {
                match self.prevent(taker, maker, affordable, out) {
                    After::Open => continue,
                    ends => return ends,
                }
            }
            if self.is_banded(taker.market, price) {
                return self.halt_by_band(taker.market, out);
            }
            let lots = taker.left.min(self.orders.visible(&node)).min(affordable);
            self.fill(taker, maker, &node, lots, out);
        }
        if taker.by_quote() { self.end_by_quote(taker) } else { After::Open }
    }

    /// Whether the taker's mode keeps it from trading with an order of this seat.
    #[inline]
    fn keeps_apart(&self, taker: &Taker, seat: u32) -> bool {
        let group_of = |user_at: u32| self.users[user_at as usize].group;
        taker.stp != StpMode::None && group_of(self.seats[seat as usize].user_at) == group_of(taker.user_at)
    }

    /// Lots that the budget or the reserve still pays for at this price.
    #[inline]
    fn affordable(&self, taker: &Taker, price: u64) -> u64 {
        let funds = match taker.budget {
            Some(budget) => budget,
            None if taker.capped => taker.reserve,
            None => return u64::MAX,
        };
        let lot = price as u128 * self.markets[taker.market].quote_unit as u128;
        u64::try_from(funds as u128 / lot).unwrap_or(u64::MAX)
    }

    /// An order by quote amount is filled when what is left of the amount makes no whole lot at the best price.
    fn end_by_quote(&self, taker: &Taker) -> After {
        let best = self.markets[taker.market].best(taker.side.opposite());
        let spent = if best == 0 { taker.budget == Some(0) } else { self.affordable(taker, best) == 0 };
        if spent && taker.filled > 0 {
            After::Ends(OrderStatus::Filled, CloseCause::Filled)
        } else {
            After::Ends(OrderStatus::Expired, CloseCause::Unfilled)
        }
    }

    /// The reference of the price band follows the last price once its window is over.
    #[inline]
    fn renew_reference(&mut self, market: usize) {
        if self.is_reference_old(market) {
            let market = &mut self.markets[market];
            market.reference = market.last;
            market.reference_at = self.time.0;
        }
    }

    #[inline]
    fn is_reference_old(&self, market: usize) -> bool {
        let market = &self.markets[market];
        let filters = &market.spec.filters;
        let over =
            filters.band_window_us != 0 && self.time.0 >= market.reference_at.saturating_add(filters.band_window_us);
        filters.band_bips != 0 && over && market.last != 0
    }

    #[inline]
    fn is_banded(&self, market: usize, price: u64) -> bool {
        let market = &self.markets[market];
        is_beyond(price, market.reference, market.spec.filters.band_bips)
    }

    /// Whether the book fills the whole order within its limit, the band, and `budget` when that is not 0.
    pub(super) fn can_fill(&self, taker: &Taker, budget: Amount) -> bool {
        let (mut left, mut quote) = (taker.left, 0);
        let market = &self.markets[taker.market];
        let bips = market.spec.filters.band_bips;
        let mut reference = if self.is_reference_old(taker.market) { market.last } else { market.reference };
        // Hidden parts of a price come after all that it shows: an own order in between may end the walk.
        let (mut hidden, mut level) = (0, 0);
        for slot in self.orders.walk(market.ladder(taker.side.opposite())) {
            let node = self.orders.node(slot);
            if node.price != level {
                self.take_in_walk(taker.market, level, std::mem::take(&mut hidden), (&mut left, &mut quote));
                level = node.price;
            }
            if left == 0 || !super::place::crosses(taker.side, taker.limit, node.price) {
                break;
            }
            let own = self.keeps_apart(taker, node.seat);
            if own && taker.stp == StpMode::ExpireMaker {
                continue;
            }
            if own || is_beyond(node.price, reference, bips) {
                hidden = 0;
                break;
            }
            if reference == 0 {
                reference = node.price;
            }
            self.take_in_walk(taker.market, level, self.orders.visible(node), (&mut left, &mut quote));
            hidden = u64::min(QTY_MAX.0, hidden + (node.left - self.orders.visible(node)));
        }
        self.take_in_walk(taker.market, level, hidden, (&mut left, &mut quote));
        let affordable = match taker.side {
            _ if budget == 0 => !taker.capped || quote <= taker.reserve,
            Side::Buy => quote <= budget && quote <= taker.reserve,
            Side::Sell => quote >= budget,
        };
        left == 0 && affordable
    }

    fn take_in_walk(&self, market: usize, price: u64, lots: u64, (left, quote): (&mut u64, &mut Amount)) {
        let take = lots.min(*left);
        *left -= take;
        *quote = quote.saturating_add(self.quote_of(market, price, take));
    }

    fn halt_by_band(&mut self, market: usize, out: &mut Events) -> After {
        self.markets[market].state = MarketState::Halt;
        out.push(Event::MarketStateSet { market: MarketId(market as u32), state: MarketState::Halt, banded: true });
        After::Ends(OrderStatus::Expired, CloseCause::Halted)
    }

    /// Keeps a taker and a maker of one group apart. `Open` means: go on with the next maker.
    fn prevent(&mut self, taker: &mut Taker, maker: u32, affordable: u64, out: &mut Events) -> After {
        let node = *self.orders.node(maker);
        // By quote amount, what it may spend is all that it wants.
        let wanted = if taker.by_quote() { taker.left.min(affordable) } else { taker.left };
        let qty = wanted.min(node.left);
        out.push(Event::Prevented {
            market: MarketId(taker.market as u32),
            maker_order: OrderId(node.id),
            taker_order: OrderId(taker.id),
            maker_user: UserId(self.seats[node.seat as usize].user),
            taker_user: UserId(taker.user),
            price: PriceTicks(node.price),
            qty: QtyLots(qty),
        });
        let expired = (OrderStatus::ExpiredInMatch, CloseCause::SelfTrade);
        match taker.stp {
            StpMode::None => unreachable!("the caller prevents only where a mode is set"),
            StpMode::ExpireTaker => After::Ends(expired.0, expired.1),
            StpMode::ExpireMaker => {
                self.close(maker, expired.0, expired.1, out);
                After::Open
            }
            StpMode::ExpireBoth => {
                self.close(maker, expired.0, expired.1, out);
                After::Ends(expired.0, expired.1)
            }
            StpMode::Decrement => {
                self.decrement_maker(maker, qty, out);
                let quote = self.quote_of(taker.market, node.price, qty);
                decrement_taker(taker, (qty, quote), qty == wanted, out)
            }
        }
    }

    fn decrement_maker(&mut self, maker: u32, qty: u64, out: &mut Events) {
        self.close_sibling(maker, out);
        let before = self.reserve_of(maker);
        self.orders.detail_mut(maker).prevented += qty;
        self.take_off(maker, qty);
        let after = self.reserve_of(maker);
        self.ledger.release(before.0, before.1 - after.1);
        if self.orders.node(maker).left == 0 {
            self.close(maker, OrderStatus::ExpiredInMatch, CloseCause::SelfTrade, out);
        } else {
            self.tell_changed(maker, ChangeCause::Decremented, out);
        }
    }

    /// Takes lots off a resting order from its hidden part first, so that what others see changes least.
    pub(super) fn take_off(&mut self, slot: u32, lots: u64) {
        let node = *self.orders.node(slot);
        let visible = self.orders.visible(&node).saturating_sub(node.left - lots);
        let market = self.market_of(node.seat);
        self.orders.shrink(self.markets[market].ladder_mut(node.side), slot, lots, visible);
        let seat = &mut self.seats[node.seat as usize];
        if node.side == Side::Buy {
            seat.buy_lots -= lots as u128;
        }
        self.orders.detail_mut(slot).updated = self.time.0;
    }

    pub(super) fn tell_changed(&self, slot: u32, cause: ChangeCause, out: &mut Events) {
        let (node, detail) = (self.orders.node(slot), self.orders.detail(slot));
        let seat = &self.seats[node.seat as usize];
        out.push(Event::Changed(Changed {
            order: OrderId(node.id),
            user: UserId(seat.user),
            market: MarketId(seat.market),
            cause,
            price: PriceTicks(node.price),
            qty: QtyLots(detail.qty - detail.prevented),
            left: QtyLots(node.left),
        }));
    }

    /// One fill: funds, fees, counters, events; and the maker's end or refill.
    #[inline]
    fn fill(&mut self, taker: &mut Taker, maker: u32, node: &Node, lots: u64, out: &mut Events) {
        if node.marks.listed() {
            self.close_sibling(maker, out);
        }
        let price = node.price;
        let quote = self.quote_of(taker.market, price, lots);
        let base = lots as i128 * self.markets[taker.market].base_unit as i128;
        let trade = self.settle(taker, maker, node, (base, quote), QtyLots(lots));
        taker.left -= lots;
        taker.filled += lots;
        taker.filled_quote += quote;
        taker.reserve -= if taker.side == Side::Buy { quote } else { base };
        if let Some(budget) = &mut taker.budget {
            *budget -= quote;
        }
        self.count_fill(taker.market, price, lots);
        out.push(Event::Trade(Trade { taker_left: taker.told_left(), ..trade }));
        self.maker_filled(taker.market, maker, node, lots, quote, out);
    }

    /// After a trade: last price, averages, reference.
    #[inline]
    pub(super) fn count_fill(&mut self, market: usize, price: u64, lots: u64) {
        let now = self.time;
        let market = &mut self.markets[market];
        market.next_trade += 1;
        market.last = price;
        market.look_at_stops = true;
        if market.path.last() != Some(&price) {
            market.path.push(price);
        }
        market.count_trade(now, price, lots);
        if market.reference == 0 {
            market.reference = price;
            market.reference_at = now.0;
        }
    }

    /// Moves base and quote between the two, with fees. The trade's `taker_left` is for the caller to set.
    #[inline]
    fn settle(
        &mut self,
        taker: &Taker,
        maker: u32,
        node: &Node,
        (base, quote): (Amount, Amount),
        lots: QtyLots,
    ) -> Trade {
        let seat = self.seats[node.seat as usize];
        let rates = self.orders.detail(maker).rates;
        let spec = &self.markets[taker.market].spec;
        let (base_asset, quote_asset) = (spec.base, spec.quote);
        let taker_buys = taker.side == Side::Buy;
        // (asset and amount that each side receives)
        let ((taker_gets, taker_amount), (maker_gets, maker_amount)) = if taker_buys {
            ((base_asset, base), (quote_asset, quote))
        } else {
            ((quote_asset, quote), (base_asset, base))
        };
        let (taker_in, maker_in) = if taker_buys { (taker.base, seat.quote) } else { (taker.quote, seat.base) };
        let (taker_out, maker_out) = if taker_buys { (taker.quote, seat.base) } else { (taker.base, seat.quote) };
        self.ledger.spend(taker_out, maker_amount);
        self.ledger.spend(maker_out, taker_amount);
        let taker_fee = self.fee(taker.user_at, taker_gets, taker_amount, taker.rates.taker);
        let rebate = rates.maker.rebate(taker_fee.basis).min(taker_fee.floor);
        self.receive(taker_in, taker_amount, &taker_fee, rebate);
        let (maker_fee, maker_fee_asset) = if rates.maker.0 < 0 {
            self.ledger.add(maker_in, maker_amount);
            self.pay_rebate(seat.user, taker_fee.asset, rebate);
            (-rebate, taker_fee.asset)
        } else {
            let fee = self.fee(seat.user_at, maker_gets, maker_amount, rates.maker);
            self.receive(maker_in, maker_amount, &fee, 0);
            (fee.total(), fee.asset)
        };
        Trade {
            trade: TradeId(self.markets[taker.market].next_trade),
            market: MarketId(taker.market as u32),
            price: PriceTicks(node.price),
            qty: lots,
            quote,
            taker_side: taker.side,
            maker_order: OrderId(node.id),
            taker_order: OrderId(taker.id),
            maker_user: UserId(seat.user),
            taker_user: UserId(taker.user),
            maker_fee,
            taker_fee: taker_fee.total(),
            maker_fee_asset,
            taker_fee_asset: taker_fee.asset,
            maker_left: QtyLots(node.left - lots.0),
            taker_left: QtyLots::ZERO,
            auction: false,
        }
    }

    fn pay_rebate(&mut self, user: u64, asset: AssetId, rebate: Amount) {
        if rebate > 0 {
            let place = self.ledger.find_or_open(super::command::Account::User(UserId(user)), asset);
            self.ledger.add(place, rebate);
        }
    }

    /// The maker's side of a fill: gone, or refilled and back in the queue, or just smaller.
    #[inline]
    pub(super) fn maker_filled(
        &mut self,
        market: usize,
        maker: u32,
        node: &Node,
        lots: u64,
        quote: Amount,
        out: &mut Events,
    ) {
        let detail = self.orders.detail_mut(maker);
        detail.filled_quote += quote;
        detail.updated = self.time.0;
        if node.side == Side::Buy {
            self.seats[node.seat as usize].buy_lots -= lots as u128;
        }
        let shown = self.orders.visible(node);
        let ladder = self.markets[market].ladder_mut(node.side);
        self.orders.shrink(ladder, maker, lots, lots);
        if lots < shown {
            return;
        }
        self.orders.dequeue(ladder, maker);
        if lots < node.left {
            self.orders.refill(maker);
            self.orders.enqueue(ladder, maker);
            return;
        }
        let listed = self.list_of(maker);
        self.tell_closed(maker, OrderStatus::Filled, CloseCause::Filled, out);
        if let Some(list) = listed {
            self.leg_closed(list, node.id, OrderStatus::Filled, CloseCause::Filled, out);
        }
    }
}

fn is_beyond(price: u64, reference: u64, bips: u32) -> bool {
    bips != 0 && reference != 0 && price.abs_diff(reference) as u128 * 10_000 > reference as u128 * bips as u128
}

/// `ends`: all that it wanted was prevented.
fn decrement_taker(taker: &mut Taker, (qty, quote): (u64, Amount), ends: bool, out: &mut Events) -> After {
    taker.prevented += qty;
    match &mut taker.budget {
        Some(budget) => *budget -= quote,
        None => taker.left -= qty,
    }
    if ends {
        return After::Ends(OrderStatus::ExpiredInMatch, CloseCause::SelfTrade);
    }
    out.push(Event::Changed(Changed {
        order: OrderId(taker.id),
        user: UserId(taker.user),
        market: MarketId(taker.market as u32),
        cause: ChangeCause::Decremented,
        price: PriceTicks(if taker.kind.has_price() { taker.limit } else { 0 }),
        qty: QtyLots(taker.filled) + taker.told_left(),
        left: taker.told_left(),
    }));
    After::Open
}
