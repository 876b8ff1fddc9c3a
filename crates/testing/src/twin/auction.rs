//! The end of a call auction: one price, at which most trades.

use allin_core::ids::MarketId;
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{MarketState, Side};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;

use super::{Outcome, Twin};

impl Twin {
    pub(super) fn uncross(&mut self, market: MarketId) -> Outcome {
        self.market_known(market)?;
        if self.market(market).state != MarketState::PreOpen {
            return Err(Reject::UncrossNotPossible);
        }
        let (price, volume) = self.auction_price(market).unwrap_or((PriceTicks::NONE, 0));
        let mut left = volume;
        while left > 0 {
            let bid = self.book(market, Side::Buy)[0];
            let ask = self.book(market, Side::Sell)[0];
            let qty = bid.visible.min(ask.visible).0.min(u64::try_from(left).unwrap_or(u64::MAX));
            let (earlier, later) = (bid.id.min(ask.id), bid.id.max(ask.id));
            self.fill(earlier, later, price, QtyLots(qty), true);
            left -= qty as u128;
        }
        let now = self.time;
        let opened = self.market_mut(market);
        (opened.band_reference, opened.band_since) = (price, now);
        let qty = QtyLots(u64::try_from(volume).unwrap_or(u64::MAX));
        self.events.push(Event::Uncrossed { market, price, qty });
        self.enter_state(market, MarketState::Trading, false);
        self.settle(market);
        Ok(())
    }

    /// The price that trades most; of several the one that leaves least over, then nearest to the last price, then lowest.
    fn auction_price(&self, market: MarketId) -> Option<(PriceTicks, u128)> {
        let (bids, asks) = (self.book(market, Side::Buy), self.book(market, Side::Sell));
        let last = self.market(market).last;
        let candidates = bids.iter().chain(&asks).map(|o| o.new.price);
        let rated = candidates.map(|price| {
            let demand: u128 = bids.iter().filter(|o| o.new.price >= price).map(|o| o.left.0 as u128).sum();
            let supply: u128 = asks.iter().filter(|o| o.new.price <= price).map(|o| o.left.0 as u128).sum();
            let distance = if last.is_none() { 0 } else { last.0.abs_diff(price.0) };
            let volume = demand.min(supply);
            (u128::MAX - volume, demand.abs_diff(supply), distance, price, volume)
        });
        rated.filter(|(_, _, _, _, volume)| *volume > 0).min().map(|(_, _, _, price, volume)| (price, volume))
    }
}
