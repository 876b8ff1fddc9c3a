//! Numbers of aggregate trades (Binance Spot REST, `aggTrades`): consecutive trades of a market with one time, one taker order
//! and one price are one aggregate, and aggregates are numbered without a gap. A pure fold over trades, which marketprice keeps
//! and whoever tells of trades goes on with.

use allin_core::ids::{OrderId, Timestamp, TradeId};
use allin_core::num::PriceTicks;
use allin_core::spot::event::Trade;
use allin_wire::exchange::v1::AggregateCount;

/// A market's newest trade, and the number of its aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Numbering {
    pub trade: TradeId,
    pub number: u64,
    pub taker_order: OrderId,
    pub at: Timestamp,
    pub price: PriceTicks,
}

impl Numbering {
    /// After trades whose aggregates were not counted: the next one has the number of its first trade.
    pub fn after(trade: TradeId) -> Numbering {
        Numbering { trade, number: trade.0, ..Numbering::default() }
    }

    /// The number of the aggregate that the next trade belongs to, and whether it begins with it.
    pub fn next(&mut self, trade: &Trade, at: Timestamp) -> (u64, bool) {
        // Where the log begins behind the first trades, nobody has counted those.
        if self.trade.0 == 0 {
            *self = Numbering::after(TradeId(trade.trade.0 - 1));
        }
        let begins = (self.taker_order, self.at, self.price) != (trade.taker_order, at, trade.price);
        let number = self.number + u64::from(begins);
        *self = Numbering { trade: trade.trade, number, taker_order: trade.taker_order, at, price: trade.price };
        (number, begins)
    }
}

impl From<&AggregateCount> for Numbering {
    fn from(count: &AggregateCount) -> Numbering {
        Numbering {
            trade: TradeId(count.trade),
            number: count.number,
            taker_order: OrderId(count.taker_order),
            at: Timestamp(count.at_us),
            price: PriceTicks(count.price),
        }
    }
}
