//! The call auction: orders gather in PreOpen, and are uncrossed at the one price that trades most.

use super::command::{MarketState, Side};
use super::event::{Event, Events, Trade};
use super::reject::Reject;
use super::state::Spot;
use crate::book::orders::Node;
use crate::ids::{MarketId, OrderId, TradeId, UserId};
use crate::num::{FeeRate, PriceTicks, QtyLots};

impl Spot {
    pub(super) fn uncross(&mut self, market: MarketId, out: &mut Events) -> Result<(), Reject> {
        let at = market.0 as usize;
        if self.check_market(market)?.state != MarketState::PreOpen {
            return Err(Reject::UncrossNotPossible);
        }
        let price = self.auction_price(at);
        let mut traded = 0u128;
        if price != 0 {
            while let Some((buy, sell)) = self.crossed_pair(at, price) {
                traded += self.auction_fill(at, buy, sell, price, out) as u128;
            }
            assert!(traded > 0, "an auction price trades");
        }
        let qty = QtyLots(u64::try_from(traded).unwrap_or(u64::MAX));
        out.push(Event::Uncrossed { market, price: PriceTicks(price), qty });
        let now = self.time.0;
        let opened = &mut self.markets[at];
        opened.state = MarketState::Trading;
        opened.look_at_stops = true;
        (opened.reference, opened.reference_at) = (price, now);
        out.push(Event::MarketStateSet { market, state: MarketState::Trading, banded: false });
        self.after_trading(at, out);
        Ok(())
    }

    /// The limit price with the largest executable volume; then the smallest surplus; then nearest to the last price; then
    /// the lowest. 0 when nothing crosses.
    fn auction_price(&self, market: usize) -> u64 {
        if !self.markets[market].is_crossed() {
            return 0;
        }
        let (buys, sells) = (self.depth_lots(market, Side::Buy), self.depth_lots(market, Side::Sell));
        let last = self.markets[market].last;
        let mut prices: Vec<u64> = buys.iter().chain(&sells).map(|(price, _)| *price).collect();
        prices.sort_unstable();
        prices.dedup();
        // Demand at a price: buys at or above; supply: sells at or below. Both are walked once, prices ascending.
        let mut demand: u128 = buys.iter().map(|(_, lots)| lots).sum();
        let mut supply = 0u128;
        let (mut buy_at, mut sell_at) = (buys.len(), 0);
        let mut best: Option<(u128, u128, u64, u64)> = None;
        for price in prices {
            while buy_at > 0 && buys[buy_at - 1].0 < price {
                buy_at -= 1;
                demand -= buys[buy_at].1;
            }
            while sell_at < sells.len() && sells[sell_at].0 <= price {
                supply += sells[sell_at].1;
                sell_at += 1;
            }
            let distance = if last == 0 { 0 } else { price.abs_diff(last) };
            let rank = (demand.min(supply), demand.abs_diff(supply), distance, price);
            let better =
                best.is_none_or(|b| rank.0 > b.0 || (rank.0 == b.0 && (rank.1, rank.2, rank.3) < (b.1, b.2, b.3)));
            if rank.0 > 0 && better {
                best = Some(rank);
            }
        }
        best.map_or(0, |(_, _, _, price)| price)
    }

    /// (price, lots with hidden parts) of a side, best first: buys descending, sells ascending.
    fn depth_lots(&self, market: usize, side: Side) -> Vec<(u64, u128)> {
        let mut levels: Vec<(u64, u128)> = vec![];
        for slot in self.orders.walk(self.markets[market].ladder(side)) {
            let node = self.orders.node(slot);
            match levels.last_mut() {
                Some((price, lots)) if *price == node.price => *lots += node.left as u128,
                _ => levels.push((node.price, node.left as u128)),
            }
        }
        levels
    }

    /// The first orders of both sides that still trade at the auction price.
    fn crossed_pair(&self, market: usize, price: u64) -> Option<(u32, u32)> {
        let at = &self.markets[market];
        if at.best(Side::Buy) < price || at.best(Side::Sell) == 0 || at.best(Side::Sell) > price {
            return None;
        }
        let head = |side| at.ladder(side).best().map(|(_, level)| self.orders.levels[level as usize].head);
        Some((head(Side::Buy)?, head(Side::Sell)?))
    }

    /// One fill of an auction; both sides pay their maker rate, and a negative one counts as none. Gives its lots.
    fn auction_fill(&mut self, market: usize, buy: u32, sell: u32, price: u64, out: &mut Events) -> u64 {
        for slot in [buy, sell] {
            self.close_sibling(slot, out);
        }
        let (b, s) = (*self.orders.node(buy), *self.orders.node(sell));
        let lots = self.orders.visible(&b).min(self.orders.visible(&s));
        let quote = self.quote_of(market, price, lots);
        let held = self.quote_of(market, b.price, lots);
        let base = lots as i128 * self.markets[market].base_unit as i128;
        let (buyer, seller) = (self.seats[b.seat as usize], self.seats[s.seat as usize]);
        self.ledger.spend(buyer.quote, quote);
        self.ledger.release(buyer.quote, held - quote);
        self.ledger.spend(seller.base, base);
        let spec = &self.markets[market].spec;
        let (base_asset, quote_asset) = (spec.base, spec.quote);
        let rate = |spot: &Spot, slot| FeeRate(spot.orders.detail(slot).rates.maker.0.max(0));
        let buyer_fee = self.fee(buyer.user_at, base_asset, base, rate(self, buy));
        self.receive(buyer.base, base, &buyer_fee, 0);
        let seller_fee = self.fee(seller.user_at, quote_asset, quote, rate(self, sell));
        self.receive(seller.quote, quote, &seller_fee, 0);
        let trade = TradeId(self.markets[market].next_trade);
        self.count_fill(market, price, lots);
        // The earlier order is told as the maker.
        let mut sides = [(buy, b, buyer.user, buyer_fee), (sell, s, seller.user, seller_fee)];
        if s.id < b.id {
            sides.swap(0, 1);
        }
        let [(first, maker, maker_user, maker_fee), (second, taker, taker_user, taker_fee)] = sides;
        let left = |node: &Node| QtyLots(node.left - lots);
        out.push(Event::Trade(Trade {
            trade,
            market: MarketId(market as u32),
            price: PriceTicks(price),
            qty: QtyLots(lots),
            quote,
            taker_side: taker.side,
            maker_order: OrderId(maker.id),
            taker_order: OrderId(taker.id),
            maker_user: UserId(maker_user),
            taker_user: UserId(taker_user),
            maker_fee: maker_fee.total(),
            taker_fee: taker_fee.total(),
            maker_fee_asset: maker_fee.asset,
            taker_fee_asset: taker_fee.asset,
            maker_left: left(&maker),
            taker_left: left(&taker),
            auction: true,
        }));
        self.maker_filled(market, first, &maker, lots, quote, out);
        self.maker_filled(market, second, &taker, lots, quote, out);
        lots
    }
}
