//! order.depth: the price levels of a book, merged into intervals when asked to.

use allin_core::num::Amount;
use allin_core::num::decimal;
use allin_core::spot::view::LevelView;
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::viabtc::{Code, Decimal, Depth, DepthLevel, DepthQuery, result_body};

use super::super::error::Failure;
use super::super::number::{print_lots_sum, print_price};
use super::super::run::Access;
use super::super::state::MarketInfo;

/// Levels a side that are looked at for merging; intervals beyond them are not shown.
const LEVELS_MAX: u32 = 5000;
/// First guess of the levels in one interval.
const LEVELS_PER_INTERVAL: u32 = 8;

pub(in super::super) async fn depth(access: &Access, id: i64, query: DepthQuery<'_>) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(query.market).await?.ok_or(Code::InvalidArgument)?;
    let interval =
        decimal::parse_unsigned(query.interval, market.spec.price_scale).map_err(|_| Code::InvalidArgument)?;
    let limit = query.limit as usize;
    if limit == 0 {
        return Ok(result_body(id, &Depth { asks: Vec::new(), bids: Vec::new() }));
    }
    if interval == 0 {
        let (asks, bids) = ask(access, &market, query.limit).await?;
        let plain = |levels: &[LevelView]| levels.iter().take(limit).map(|level| one(level, &market)).collect();
        return Ok(result_body(id, &Depth { asks: plain(&asks), bids: plain(&bids) }));
    }
    let mut levels = query.limit.saturating_mul(LEVELS_PER_INTERVAL).min(LEVELS_MAX);
    loop {
        let (asks, bids) = ask(access, &market, levels).await?;
        let merge = |levels: &[LevelView], up| merge(levels, interval, up, limit, &market);
        let depth = Depth { asks: merge(&asks, true), bids: merge(&bids, false) };
        // The last interval of a side may lack levels that were not asked for; one more than needed makes it whole.
        let whole = |all: &[LevelView], merged: &[DepthLevel]| all.len() < levels as usize || merged.len() > limit;
        if levels == LEVELS_MAX || (whole(&asks, &depth.asks) && whole(&bids, &depth.bids)) {
            let cut = |mut side: Vec<DepthLevel>| {
                side.truncate(limit);
                side
            };
            return Ok(result_body(id, &Depth { asks: cut(depth.asks), bids: cut(depth.bids) }));
        }
        levels = levels.saturating_mul(LEVELS_PER_INTERVAL).min(LEVELS_MAX);
    }
}

async fn ask(access: &Access, market: &MarketInfo, limit: u32) -> Result<(Vec<LevelView>, Vec<LevelView>), Failure> {
    match access.handles.engine.query(Query::Depth { market: market.spec.id, limit }).await?.body {
        AnswerBody::Depth { bids, asks, .. } => Ok((asks, bids)),
        _ => Err(Failure::unexpected("the depth of a market")),
    }
}

fn one(level: &LevelView, market: &MarketInfo) -> DepthLevel {
    DepthLevel { price: print_price(level.price, market), amount: print_lots_sum(level.qty.0 as u128, market) }
}

/// Sums the levels of an interval up at its outer edge: asks at its upper, bids at its lower. At most one interval more
/// than `limit`.
fn merge(levels: &[LevelView], interval: u128, up: bool, limit: usize, market: &MarketInfo) -> Vec<DepthLevel> {
    let edge = |level: &LevelView| {
        let price = level.price.0 as u128 * market.spec.tick_units as u128;
        let nth = if up { price.div_ceil(interval) } else { price / interval };
        nth * interval
    };
    levels
        .chunk_by(|one, other| edge(one) == edge(other))
        .take(limit + 1)
        .map(|levels| {
            let lots = levels.iter().map(|level| level.qty.0 as u128).sum();
            // Not above the largest price and one interval, both of which are far from the range of an amount.
            let price = Amount::try_from(edge(&levels[0])).unwrap_or(Amount::MAX);
            DepthLevel { price: Decimal::new(price, market.spec.price_scale), amount: print_lots_sum(lots, market) }
        })
        .collect()
}
