//! One market's quotes: a grid of price levels around the present price, which follows it.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::market::{Market, print, units};
use super::walk::{ONE, Walk};
use crate::demo::account::Account;
use crate::demo::api::{Answer, Api};
use crate::node::Failure;

/// Levels beyond the wanted ones that may stay until the price comes back.
const SLACK: i128 = 6;
/// Orders that one step places and cancels at most.
const PLACED_MAX: usize = 12;
const CANCELLED_MAX: usize = 8;
/// Steps between two looks at which orders are really open.
const LOOK_STEPS: u64 = 12;
/// Of a hundred steps, those with a trade, and those in which a level is quoted anew.
const TRADES: i128 = 35;
const REQUOTES: i128 = 12;
/// After an order. The accounts take turns from market to market, so that neither places a hundred in ten seconds.
const ORDER_PAUSE: Duration = Duration::from_millis(60);
/// Pause when the exchange says that it is too much.
const TOO_MANY_PAUSE: Duration = Duration::from_secs(10);

/// Refusals that are the market's and not a failure (Binance Spot REST, error codes): rules of filters, of the matching
/// engine, an order that is not there any more, too many orders at once.
const FILTER: i64 = -1013;
const REJECTED: i64 = -2010;
const CANCEL_REJECTED: i64 = -2011;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Buy,
    Sell,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

/// What one step is to do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    cancel: Vec<(Side, i128)>,
    place: Vec<(Side, i128)>,
}

pub struct Book {
    market: Market,
    maker: Account,
    taker: Account,
    levels: i128,
    /// Open orders by side and number of the level on the grid.
    open: BTreeMap<(Side, i128), u64>,
    steps: u64,
}

impl Book {
    /// Cancels what is left of an earlier time.
    pub async fn open(
        api: &Api,
        market: Market,
        maker: Account,
        taker: Account,
        levels: usize,
    ) -> Result<Book, Failure> {
        for account in [&maker, &taker] {
            let all = format!("symbol={}", market.symbol);
            let answer = api.signed(account, Method::DELETE, "/api/v3/openOrders", &all).await?;
            if answer.code() != CANCEL_REJECTED {
                answer.good("cancelling what was left")?;
            }
        }
        Ok(Book { market, maker, taker, levels: i128::try_from(levels)?, open: BTreeMap::new(), steps: 0 })
    }

    /// Follows the price: cancels what is in the way, fills what is missing, and trades now and then.
    pub async fn step(&mut self, api: &Api, walk: &mut Walk) -> Result<(), Failure> {
        let Some(rate) = walk.rate(&self.market.base, &self.market.quote) else { return Ok(()) };
        self.steps += 1;
        if self.steps.is_multiple_of(LOOK_STEPS) {
            self.look(api).await?;
        }
        let mut plan = plan(&self.open.keys().copied().collect::<Vec<_>>(), rate, self.market.gap, self.levels);
        if plan.cancel.is_empty() && walk.dice.between(1, 100) <= REQUOTES && !self.open.is_empty() {
            let chosen = walk.dice.between(0, self.open.len() as i128 - 1);
            plan.cancel.extend(self.open.keys().nth(chosen as usize));
            plan.place.extend(plan.cancel.first());
        }
        for level in plan.cancel {
            self.cancel(api, level).await?;
        }
        for (side, level) in plan.place {
            self.place(api, walk, side, level, rate).await?;
        }
        if walk.dice.between(1, 100) <= TRADES && !self.open.is_empty() {
            self.trade(api, walk, rate).await?;
        }
        Ok(())
    }

    /// Asks which orders are really open; others may have been filled.
    async fn look(&mut self, api: &Api) -> Result<(), Failure> {
        let symbol = format!("symbol={}", self.market.symbol);
        let rows = api.signed(&self.maker, Method::GET, "/api/v3/openOrders", &symbol).await?.good("openOrders")?;
        let read = |row: &Value| {
            let side = if row["side"] == "BUY" { Side::Buy } else { Side::Sell };
            Some(((side, units(row["price"].as_str()?)? / self.market.gap), row["orderId"].as_u64()?))
        };
        self.open = rows.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(read).collect();
        Ok(())
    }

    async fn cancel(&mut self, api: &Api, level: (Side, i128)) -> Result<(), Failure> {
        let Some(order) = self.open.remove(&level) else { return Ok(()) };
        let params = format!("symbol={}&orderId={order}", self.market.symbol);
        let answer = api.signed(&self.maker, Method::DELETE, "/api/v3/order", &params).await?;
        settle(answer, "cancel", &[CANCEL_REJECTED]).await.map(|_| ())
    }

    async fn place(&mut self, api: &Api, walk: &mut Walk, side: Side, level: i128, rate: i128) -> Result<(), Failure> {
        let price = level * self.market.gap;
        let depth = (rate - price).abs() / self.market.gap.max(1);
        // More is offered farther away.
        let value = (400 + 90 * depth.min(60)) * ONE * walk.dice.between(40, 160) / 100;
        let quantity = self.market.quantity(value, walk);
        if !self.market.is_enough(quantity, price) {
            return Ok(());
        }
        let (symbol, side_name) = (&self.market.symbol, side.name());
        let (quantity, price) = (print(quantity), print(price));
        // A stranger's order in the way is no reason to take it.
        let params = format!(
            "symbol={symbol}&side={side_name}&type=LIMIT_MAKER&quantity={quantity}&price={price}&newOrderRespType=ACK"
        );
        let answer = api.signed(&self.maker, Method::POST, "/api/v3/order", &params).await?;
        if let Some(body) = settle(answer, "order", &[FILTER, REJECTED]).await? {
            let order = body["orderId"].as_u64().ok_or("an order without a number")?;
            self.open.insert((side, level), order);
        }
        tokio::time::sleep(ORDER_PAUSE).await;
        Ok(())
    }

    /// The other account takes a little.
    async fn trade(&self, api: &Api, walk: &mut Walk, rate: i128) -> Result<(), Failure> {
        let value = walk.dice.between(30, 900) * ONE;
        let quantity = self.market.quantity(value, walk);
        if !self.market.is_enough(quantity, rate) {
            return Ok(());
        }
        let side = if walk.dice.between(0, 1) == 0 { Side::Buy } else { Side::Sell };
        let (symbol, side, quantity) = (&self.market.symbol, side.name(), print(quantity));
        let params = format!("symbol={symbol}&side={side}&type=MARKET&quantity={quantity}&newOrderRespType=ACK");
        let answer = api.signed(&self.taker, Method::POST, "/api/v3/order", &params).await?;
        settle(answer, "trade", &[FILTER, REJECTED]).await.map(|_| ())
    }
}

/// The body of what was done; none for what the market refuses, nor, after a pause, for one request too many. Anything
/// else is a failure.
async fn settle(answer: Answer, what: &str, refusals: &[i64]) -> Result<Option<Value>, Failure> {
    if refusals.contains(&answer.code()) {
        return Ok(None);
    }
    if answer.status.as_u16() == 429 || answer.status.as_u16() == 418 {
        tracing::debug!(what, "too many requests of the demo maker");
        tokio::time::sleep(TOO_MANY_PAUSE).await;
        return Ok(None);
    }
    answer.good(what).map(Some)
}

/// Which levels to leave and which to fill, the nearest first.
fn plan(open: &[(Side, i128)], rate: i128, gap: i128, levels: i128) -> Plan {
    // A quarter of the distance on either side is free of quotes.
    let bid = (rate - gap / 4).div_euclid(gap);
    let ask = (rate + gap / 4).div_euclid(gap) + 1;
    let distance = |(side, level): (Side, i128)| match side {
        Side::Buy => bid - level,
        Side::Sell => level - ask,
    };
    let mut plan = Plan::default();
    plan.cancel.extend(open.iter().copied().filter(|level| !(0..levels + SLACK).contains(&distance(*level))));
    // What the price has passed goes first.
    plan.cancel.sort_by_key(|level| distance(*level));
    plan.cancel.truncate(CANCELLED_MAX);
    for depth in 0..levels {
        for level in [(Side::Buy, bid - depth), (Side::Sell, ask + depth)] {
            if level.1 > 0 && !open.contains(&level) {
                plan.place.push(level);
            }
        }
    }
    plan.place.truncate(PLACED_MAX);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_is_filled_from_the_middle() {
        let plan = plan(&[], 1000, 10, 3);
        let want = [
            (Side::Buy, 99),
            (Side::Sell, 101),
            (Side::Buy, 98),
            (Side::Sell, 102),
            (Side::Buy, 97),
            (Side::Sell, 103),
        ];
        assert_eq!(plan, Plan { cancel: vec![], place: want.to_vec() });
    }

    #[test]
    fn a_book_follows_its_price() {
        let full: Vec<(Side, i128)> =
            (95..=99).map(|level| (Side::Buy, level)).chain((101..=105).map(|level| (Side::Sell, level))).collect();
        assert_eq!(plan(&full, 1000, 10, 5), Plan::default());
        // Up by one level: the ask in the way goes, a bid takes its place, and there is one more ask.
        let moved = plan(&full, 1010, 10, 5);
        assert_eq!(moved.cancel, [(Side::Sell, 101)]);
        assert_eq!(moved.place, [(Side::Buy, 100), (Side::Sell, 106)]);
        // Far away everything goes, what was passed first, and no more than a step's worth.
        let far = plan(&full, 1200, 10, 5);
        assert_eq!(far.cancel.len(), CANCELLED_MAX);
        assert!(far.cancel[..5].iter().all(|(side, _)| *side == Side::Sell));
        // Prices stay above zero.
        assert!(plan(&[], 25, 10, 5).place.iter().all(|(_, level)| *level > 0));
    }

    #[test]
    fn no_quote_crosses_another() {
        for rate in 1..5000 {
            let plan = plan(&[], rate, 10, 4);
            let best = |side| plan.place.iter().filter(move |level| level.0 == side).map(|level| level.1);
            let (bid, ask) = (best(Side::Buy).max().unwrap_or(0), best(Side::Sell).min().expect("an ask"));
            assert!(bid < ask && bid * 10 < rate && rate < ask * 10, "{rate}: {bid} {ask}");
        }
    }
}
