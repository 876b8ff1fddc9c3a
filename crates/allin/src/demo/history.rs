//! A day's trades of a demonstration that begins: charts and tickers have something to show at once.
//!
//! They are trades like any other: two accounts, funded by the house, place orders through the engine; only the clock runs
//! ahead, from a day ago to now, while nobody else is there yet. Made for a fresh exchange and never again; on any other
//! the clock is the machine's from the start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allin_core::ids::{AssetId, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{BATCH_MAX, Command, Counter, Funding, MarketState, NewOrder, Side, TimeInForce};
use allin_core::spot::event::Event;
use allin_core::spot::spec::MarketSpec;
use allin_core::text::Label;
use allin_runtime::engine::{AnswerBody, Engine, Query};
use allin_runtime::shard::{Clock, SystemClock};

use super::config::DemoSection;
use super::house;
use super::maker::walk::{ONE, Walk};
use crate::node::Failure;

/// The two accounts; below those of registered users, above those of recorded flows.
const ACCOUNTS: [UserId; 2] = [UserId(999_001), UserId(999_002)];
/// Business of their funds.
const BUSINESS: &str = "demo.history";
/// Each market trades once in that time, and in the last hours more often: every moment costs a sync of the log.
const PACE_US: u64 = 5 * Timestamp::MINUTE;
const PACE_LATE_US: u64 = Timestamp::MINUTE;
const LATE_US: u64 = 2 * 60 * Timestamp::MINUTE;
/// Steps of the walk in a minute: the maker's own pace, a little slower.
const STEPS: u64 = 12;

/// The machine's clock, unless it is set to run ahead.
#[derive(Default)]
pub struct DemoClock(AtomicU64);

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        match self.0.load(Ordering::Acquire) {
            0 => SystemClock.now(),
            set => Timestamp(set),
        }
    }
}

impl DemoClock {
    /// For an exchange without a log: begins so many hours ago.
    pub fn fresh(hours: u32) -> Arc<DemoClock> {
        let past = u64::from(hours) * 60 * Timestamp::MINUTE;
        Arc::new(DemoClock(AtomicU64::new(SystemClock.now().0.saturating_sub(past))))
    }

    fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::Release);
    }
}

/// Trades from the clock's time until now in every market that has a price, then lets the clock go.
pub async fn fill(engine: &dyn Engine, clock: &DemoClock, config: &DemoSection) -> Result<(), Failure> {
    let made = trade_until_now(engine, clock, config).await;
    clock.0.store(0, Ordering::Release);
    let trades = made?;
    tracing::info!(trades, "the demonstration has a past");
    Ok(())
}

async fn trade_until_now(engine: &dyn Engine, clock: &DemoClock, config: &DemoSection) -> Result<u64, Failure> {
    let mut walk = Walk::new(config.seed, config.prices().map_err(|invalid| invalid.reason)?);
    let markets = Markets::of(engine, &walk).await?;
    house::ensure(engine).await?;
    fund(engine, &markets).await?;
    let (mut at, end, mut trades) = (clock.now(), SystemClock.now(), 0);
    while at < end {
        let pace = if end.0 - at.0 > LATE_US { PACE_US } else { PACE_LATE_US };
        (0..STEPS * pace / Timestamp::MINUTE).for_each(|_| walk.step());
        clock.set(at);
        let mut orders: Vec<NewOrder> =
            markets.specs.iter().filter_map(|spec| markets.trade(spec, &mut walk)).flatten().collect();
        while !orders.is_empty() {
            let rest = orders.split_off(orders.len().min(BATCH_MAX));
            let reply = engine.submit(Command::PlaceBatch(orders)).await?;
            trades += reply.events.iter().filter(|event| matches!(event, Event::Trade(_))).count() as u64;
            orders = rest;
        }
        at = Timestamp(at.0 + pace);
    }
    Ok(trades)
}

/// Markets between assets with prices.
struct Markets {
    specs: Vec<MarketSpec>,
    symbols: BTreeMap<AssetId, String>,
    scales: BTreeMap<AssetId, u8>,
}

impl Markets {
    async fn of(engine: &dyn Engine, walk: &Walk) -> Result<Markets, Failure> {
        let answers = (engine.query(Query::Assets).await?.body, engine.query(Query::Markets).await?.body);
        let (AnswerBody::Assets(assets), AnswerBody::Markets(markets)) = answers else {
            return Err("the engine answered another question".into());
        };
        let symbols: BTreeMap<AssetId, String> =
            assets.iter().map(|asset| (asset.id, asset.symbol.to_string())).collect();
        let priced = |spec: &MarketSpec| walk.rate(&symbols[&spec.base], &symbols[&spec.quote]).is_some();
        let trading = markets.iter().filter(|market| market.state == MarketState::Trading);
        let specs = trading.map(|market| market.spec).filter(priced).collect();
        Ok(Markets { specs, scales: assets.iter().map(|asset| (asset.id, asset.scale)).collect(), symbols })
    }

    /// A resting order and one that takes all of it, worth 50 to 2,000 USDT; none where the filters leave no room.
    fn trade(&self, spec: &MarketSpec, walk: &mut Walk) -> Option<[NewOrder; 2]> {
        let (base, quote) = (&self.symbols[&spec.base], &self.symbols[&spec.quote]);
        let ticks = steps(walk.rate(base, quote)?, spec.tick_units, spec.price_scale)?;
        let value = walk.dice.between(50, 2000) * ONE;
        let lots = steps(value * ONE / walk.price(base)?.max(1), spec.lot_units, spec.qty_scale)?;
        let (price, qty) = (PriceTicks(ticks), QtyLots(lots));
        let [maker, taker] = ACCOUNTS;
        let side = if walk.dice.between(0, 1) == 0 { Side::Buy } else { Side::Sell };
        let resting = NewOrder::limit(maker, spec.id, side, price, qty);
        let taking = NewOrder::limit(taker, spec.id, side.opposite(), price, qty);
        Some([resting, NewOrder { tif: TimeInForce::Ioc, ..taking }])
    }
}

/// Whole steps of `units × 10^-scale` in a number of 10^-8.
fn steps(value: i128, units: u64, scale: u8) -> Option<u64> {
    let scaled = match scale.checked_sub(8) {
        Some(more) => value.checked_mul(10_i128.checked_pow(more.into())?)?,
        None => value / 10_i128.pow(u32::from(8 - scale)),
    };
    u64::try_from(scaled / i128::from(units)).ok().filter(|steps| *steps > 0)
}

/// Enough of every asset for both accounts, from the house.
async fn fund(engine: &dyn Engine, markets: &Markets) -> Result<(), Failure> {
    for user in ACCOUNTS {
        for (asset, scale) in &markets.scales {
            let funding = Funding {
                user,
                asset: *asset,
                amount: 1_000_000_000 * 10_i128.pow(u32::from(*scale)),
                business: Label::new(BUSINESS).ok_or("a short label")?,
                business_id: 1,
                counter: Counter::House,
                detail: "{\"demo\":true}".into(),
            };
            let reply = engine.submit(Command::Credit(funding)).await?;
            if let Some(Event::Refused(reason)) = reply.events.first() {
                return Err(format!("funds of the demonstration were refused: {}", reason.name()).into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_whole_steps() {
        // 64,000.123 in ticks of 0.01, 0.5 in lots of 0.00001, 10 decimals, and less than a step.
        let rows = [
            (6_400_012_300_000, 1, 2, Some(6_400_012)),
            (50_000_000, 1, 5, Some(50_000)),
            (50_000_000, 10, 10, Some(500_000_000)),
            (99, 1, 5, None),
        ];
        for (value, units, scale, want) in rows {
            assert_eq!(steps(value, units, scale), want, "{value} {units} {scale}");
        }
    }

    #[test]
    fn the_clock_runs_ahead_until_it_is_let_go() {
        let clock = DemoClock::fresh(24);
        let past = clock.now();
        assert!(past.0 + 24 * 60 * Timestamp::MINUTE <= SystemClock.now().0);
        clock.set(Timestamp(past.0 + 1));
        assert_eq!(clock.now(), Timestamp(past.0 + 1));
        clock.0.store(0, Ordering::Release);
        assert!(clock.now().0 > past.0 + 60 * Timestamp::MINUTE);
    }
}
