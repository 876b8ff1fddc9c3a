//! Matching: price-time priority, each fill at the maker's price, self-trade prevention by the taker's mode.

use super::command::{MarketState, Side, StpMode};
use super::event::{ChangeCause, Changed, CloseCause, Event, Events, OrderStatus, Trade};
use super::state::Spot;
use super::taker::{After, Taker};
use crate::book::orders::Node;
use crate::ids::{AssetId, MarketId, OrderId, TradeId, UserId};
use crate::num::{Amount, PriceTicks, QtyLots};

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
                return self.out_of_budget(taker);
            }
            if std::mem::take(&mut first) {
                self.renew_reference(taker.market);
            }
            if self.is_banded(taker.market, price) {
                return self.halt_by_band(taker.market, out);
            }
            let maker = self.orders.levels[level as usize].head;
            let node = *self.orders.node(maker);
            if taker.stp != StpMode::None && self.group_of(node.seat) == taker.group {
                match self.prevent(taker, maker, out) {
                    After::Open => continue,
                    ends => return ends,
                }
            }
            let lots = taker.left.min(node.visible).min(affordable);
            self.fill(taker, maker, &node, lots, out);
        }
        After::Open
    }

    #[inline]
    fn group_of(&self, seat: u32) -> u64 {
        self.users[self.seats[seat as usize].user_at as usize].group
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

    /// An order by quote amount has spent what buys whole lots; one by quantity ran out of what it could hold.
    fn out_of_budget(&self, taker: &Taker) -> After {
        if taker.by_quote() && taker.filled > 0 {
            After::Ends(OrderStatus::Filled, CloseCause::Filled)
        } else {
            After::Ends(OrderStatus::Expired, CloseCause::Unfilled)
        }
    }

    /// The reference of the price band follows the last price once its window is over.
    #[inline]
    fn renew_reference(&mut self, market: usize) {
        let market = &mut self.markets[market];
        let filters = &market.spec.filters;
        let over =
            filters.band_window_us != 0 && self.time.0 >= market.reference_at.saturating_add(filters.band_window_us);
        if filters.band_bips != 0 && over && market.last != 0 {
            market.reference = market.last;
            market.reference_at = self.time.0;
        }
    }

    #[inline]
    fn is_banded(&self, market: usize, price: u64) -> bool {
        let market = &self.markets[market];
        let bips = market.spec.filters.band_bips;
        if bips == 0 || market.reference == 0 {
            return false;
        }
        price.abs_diff(market.reference) as u128 * 10_000 > market.reference as u128 * bips as u128
    }

    fn halt_by_band(&mut self, market: usize, out: &mut Events) -> After {
        self.markets[market].state = MarketState::Halt;
        out.push(Event::MarketStateSet { market: MarketId(market as u32), state: MarketState::Halt, banded: true });
        After::Ends(OrderStatus::Expired, CloseCause::Halted)
    }

    /// Keeps a taker and a maker of one group apart. `Open` means: go on with the next maker.
    fn prevent(&mut self, taker: &mut Taker, maker: u32, out: &mut Events) -> After {
        let node = *self.orders.node(maker);
        let qty = taker.left.min(node.left);
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
                decrement_taker(taker, qty, out)
            }
        }
    }

    fn decrement_maker(&mut self, maker: u32, qty: u64, out: &mut Events) {
        if self.orders.node(maker).left == qty {
            return self.close(maker, OrderStatus::ExpiredInMatch, CloseCause::SelfTrade, out);
        }
        self.close_sibling(maker, out);
        let before = self.reserve_of(maker);
        self.orders.detail_mut(maker).prevented += qty;
        self.take_off(maker, qty);
        let after = self.reserve_of(maker);
        self.ledger.release(before.0, before.1 - after.1);
        self.tell_changed(maker, ChangeCause::Decremented, out);
    }

    /// Takes lots off a resting order from its hidden part first, so that what others see changes least.
    pub(super) fn take_off(&mut self, slot: u32, lots: u64) {
        let node = *self.orders.node(slot);
        let visible = node.visible.saturating_sub(node.left - lots);
        self.orders.shrink(slot, lots, visible);
        let seat = &mut self.seats[node.seat as usize];
        if node.side == Side::Buy {
            seat.buy_lots -= lots;
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
        if node.listed {
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
            self.seats[node.seat as usize].buy_lots -= lots;
        }
        self.orders.shrink(maker, lots, lots);
        if lots < node.visible {
            return;
        }
        let ladder = self.markets[market].ladder_mut(node.side);
        self.orders.dequeue(ladder, maker);
        if lots < node.left {
            let display = self.orders.extra(maker).expect("an iceberg has its display quantity").new.display_qty.0;
            let refilled = self.orders.node_mut(maker);
            refilled.visible = display.min(refilled.left);
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

fn decrement_taker(taker: &mut Taker, qty: u64, out: &mut Events) -> After {
    taker.left -= qty;
    taker.prevented += qty;
    if taker.left == 0 {
        return After::Ends(OrderStatus::ExpiredInMatch, CloseCause::SelfTrade);
    }
    out.push(Event::Changed(Changed {
        order: OrderId(taker.id),
        user: UserId(taker.user),
        market: MarketId(taker.market as u32),
        cause: ChangeCause::Decremented,
        price: PriceTicks(if taker.kind.has_price() { taker.limit } else { 0 }),
        qty: QtyLots(taker.qty - taker.prevented),
        left: taker.told_left(),
    }));
    After::Open
}
