//! Aggregate trades (Binance Spot REST, `aggTrades`; streams, `@aggTrade`): consecutive trades of one market that filled
//! at one time, for one taker order, at one price, told as one.
//!
//! An aggregate's id is its number in the market, without a gap ([`allin_exchange::aggregates`]). marketprice counts them, and has marks
//! from which on they can be counted again: REST, which reads the history, begins at one, and the streams go on from its
//! newest. The trades of one command never fall apart into two times.

use allin_core::ids::{OrderId, Timestamp, TradeId};

/// One trade, as far as aggregation needs to know it. `P` and `Q` are a price and a quantity in any form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill<P, Q> {
    pub trade: TradeId,
    pub at: Timestamp,
    pub taker_order: OrderId,
    pub price: P,
    pub qty: Q,
    pub buyer_is_maker: bool,
}

/// One aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AggTrade<P, Q> {
    pub first: TradeId,
    pub last: TradeId,
    pub at: Timestamp,
    pub taker_order: OrderId,
    pub price: P,
    /// Sum of its trades.
    pub qty: Q,
    pub buyer_is_maker: bool,
}

impl<P: PartialEq, Q> AggTrade<P, Q> {
    /// Whether the next trade of the market belongs to it.
    pub fn takes(&self, next: &Fill<P, Q>) -> bool {
        self.taker_order == next.taker_order && self.at == next.at && self.price == next.price
    }
}

/// Aggregates of consecutive trades, oldest first. The first one is whole only if the trades begin where it does, the last
/// one only if they go on beyond it or there are no more.
pub fn aggregate<P: PartialEq, Q: std::ops::AddAssign>(
    fills: impl IntoIterator<Item = Fill<P, Q>>,
) -> Vec<AggTrade<P, Q>> {
    let mut all: Vec<AggTrade<P, Q>> = Vec::new();
    for fill in fills {
        match all.last_mut() {
            Some(open) if open.takes(&fill) => {
                open.last = fill.trade;
                open.qty += fill.qty;
            }
            _ => all.push(AggTrade {
                first: fill.trade,
                last: fill.trade,
                at: fill.at,
                taker_order: fill.taker_order,
                price: fill.price,
                qty: fill.qty,
                buyer_is_maker: fill.buyer_is_maker,
            }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_one_taker_one_price() {
        // (trade, at, taker, price, qty), and the aggregates as (first, last, qty).
        type Row = (u64, u64, u64, u64, u64);
        type Aggregates = &'static [(u64, u64, u64)];
        let rows: &[(&[Row], Aggregates)] = &[
            (&[], &[]),
            (&[(1, 10, 5, 100, 3)], &[(1, 1, 3)]),
            (&[(1, 10, 5, 100, 3), (2, 10, 5, 100, 4)], &[(1, 2, 7)]),
            (&[(1, 10, 5, 100, 3), (2, 10, 5, 101, 4), (3, 10, 5, 101, 1)], &[(1, 1, 3), (2, 3, 5)]),
            (&[(1, 10, 5, 100, 3), (2, 10, 6, 100, 4)], &[(1, 1, 3), (2, 2, 4)]),
            (&[(1, 10, 5, 100, 3), (2, 11, 5, 100, 4)], &[(1, 1, 3), (2, 2, 4)]),
            (&[(1, 10, 5, 100, 1), (2, 10, 5, 101, 1), (3, 10, 5, 100, 1)], &[(1, 1, 1), (2, 2, 1), (3, 3, 1)]),
        ];
        for (trades, wanted) in rows {
            let fills = trades.iter().map(|&(trade, at, taker, price, qty)| Fill {
                trade: TradeId(trade),
                at: Timestamp(at),
                taker_order: OrderId(taker),
                price,
                qty,
                buyer_is_maker: false,
            });
            let got: Vec<_> = aggregate(fills).iter().map(|agg| (agg.first.0, agg.last.0, agg.qty)).collect();
            assert_eq!(got, *wanted, "{trades:?}");
        }
    }
}
