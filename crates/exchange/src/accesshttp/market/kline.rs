//! market.kline. The protocol has more intervals than marketprice; those between are put together from smaller bars.

use std::time::{SystemTime, UNIX_EPOCH};

use allin_core::ids::Timestamp;
use allin_core::num::decimal;
use allin_wire::exchange::v1::{Kline as Bar, KlinesRequest};
use allin_wire::viabtc::{Code, Decimal, Kline, KlineRow, result_body, trim};

use super::super::error::Failure;
use super::super::run::Access;
use super::super::state::MarketInfo;

/// Bars of marketprice looked at for one answer: where more are asked for, the newest are given.
const BARS_MAX: u64 = 20_000;
/// Bars that marketprice gives at once.
const BATCH: u32 = 1000;

const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;
/// How the protocol writes the interval of a month; the months are the calendar's.
const MONTH: u64 = 30 * DAY;

/// Fixed intervals of marketprice, in seconds, smallest first.
const BASES: [(u64, &str); 13] = [
    (1, "1s"),
    (60, "1m"),
    (180, "3m"),
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1h"),
    (7200, "2h"),
    (14_400, "4h"),
    (21_600, "6h"),
    (28_800, "8h"),
    (43_200, "12h"),
    (DAY, "1d"),
];

/// Bars that begin at `end` or before and end after `start`, oldest first.
pub(in super::super) async fn kline(access: &Access, id: i64, query: Kline<'_>) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(query.market).await?.ok_or(Code::InvalidArgument)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let end = query.end.min(now);
    if query.start > end {
        return Err(Code::InvalidArgument.into());
    }
    let interval = u64::from(query.interval);
    let rows = match interval {
        WEEK => {
            whole(fetch(access, &market, "1w", query.start.saturating_sub(WEEK - 1), end).await?, query.start, &market)
        }
        // The longest month back, so that the bar which holds the start is among them.
        MONTH => {
            whole(fetch(access, &market, "1M", query.start.saturating_sub(31 * DAY), end).await?, query.start, &market)
        }
        _ => {
            let (base, name) = base_of(interval);
            let start = query.start.max(end.saturating_sub((BARS_MAX - 1) * base));
            let start = start - start % interval;
            let bars = fetch(access, &market, name, start, end).await?;
            grouped(&bars, interval, &market)?
        }
    };
    Ok(result_body(id, &rows))
}

/// The largest interval of marketprice that divides this one.
fn base_of(interval: u64) -> (u64, &'static str) {
    let divides = |(seconds, _): &&(u64, &str)| interval.is_multiple_of(*seconds);
    *BASES.iter().rfind(divides).unwrap_or(&BASES[0])
}

/// Bars that begin in `start..=end`, oldest first, without gaps.
async fn fetch(
    access: &Access,
    market: &MarketInfo,
    interval: &'static str,
    start: u64,
    end: u64,
) -> Result<Vec<Bar>, Failure> {
    let mut bars: Vec<Bar> = Vec::new();
    // Marketprice takes a start of 0 for "the newest".
    let mut next = (start * Timestamp::SECOND).max(1);
    while (bars.len() as u64) < BARS_MAX {
        let request = KlinesRequest {
            market: market.symbol().to_owned(),
            interval: interval.to_owned(),
            start_us: next,
            end_us: end * Timestamp::SECOND + 1,
            limit: BATCH,
            offset_minutes: 0,
        };
        let page = match access.handles.market_price.klines(tonic::Request::new(request)).await {
            Ok(reply) => reply.into_inner().klines,
            Err(status) if status.code() == tonic::Code::NotFound => Vec::new(),
            Err(status) => return Err(status.into()),
        };
        let full = page.len() == BATCH as usize;
        bars.extend(page);
        match bars.last() {
            Some(last) if full && last.close_us >= next => next = last.close_us + 1,
            _ => break,
        }
    }
    Ok(bars)
}

/// Bars as they are, but those that ended before the start.
fn whole(bars: Vec<Bar>, start: u64, market: &MarketInfo) -> Vec<KlineRow<'_>> {
    let wanted = bars.into_iter().filter(|bar| bar.close_us >= start * Timestamp::SECOND);
    wanted.map(|bar| row(bar.open_us / Timestamp::SECOND, &bar, market)).collect()
}

fn grouped<'a>(bars: &[Bar], interval: u64, market: &'a MarketInfo) -> Result<Vec<KlineRow<'a>>, Failure> {
    let start = |bar: &Bar| {
        let seconds = bar.open_us / Timestamp::SECOND;
        seconds - seconds % interval
    };
    let groups = bars.chunk_by(|one, other| start(one) == start(other));
    groups.map(|group| merge(group, start(&group[0]), market)).collect()
}

/// One bar of several: of those with trades, or when there is none, flat at the last price.
fn merge<'a>(bars: &[Bar], time: u64, market: &'a MarketInfo) -> Result<KlineRow<'a>, Failure> {
    let (first, last) = (&bars[0], &bars[bars.len() - 1]);
    let mut traded = bars.iter().filter(|bar| bar.trades > 0);
    let Some(opening) = traded.next() else {
        return Ok(row(time, last, market));
    };
    if bars.len() == 1 {
        return Ok(row(time, first, market));
    }
    let mut sum = Sum::of(opening, market)?;
    for bar in traded {
        let bar = Sum::of(bar, market)?;
        sum.high = sum.high.max(bar.high);
        sum.low = sum.low.min(bar.low);
        sum.close = bar.close;
        sum.volume = sum.volume.saturating_add(bar.volume);
        sum.deal = sum.deal.saturating_add(bar.deal);
    }
    Ok(sum.row(time, market))
}

fn row<'a>(time: u64, bar: &Bar, market: &'a MarketInfo) -> KlineRow<'a> {
    let text = |text: &str| trim(text).to_owned();
    KlineRow {
        time,
        open: text(&bar.open),
        close: text(&bar.close),
        high: text(&bar.high),
        low: text(&bar.low),
        volume: text(&bar.volume),
        deal: text(&bar.quote_volume),
        market: market.symbol(),
    }
}

/// A bar as numbers.
struct Sum {
    open: i128,
    close: i128,
    high: i128,
    low: i128,
    volume: i128,
    deal: i128,
}

impl Sum {
    fn of(bar: &Bar, market: &MarketInfo) -> Result<Sum, Failure> {
        let number = |text: &str, scale| {
            decimal::parse_signed(text, scale).map_err(|_| Failure::unexpected("decimals of a bar"))
        };
        let price = |text: &str| number(text, market.spec.price_scale);
        Ok(Sum {
            open: price(&bar.open)?,
            close: price(&bar.close)?,
            high: price(&bar.high)?,
            low: price(&bar.low)?,
            volume: number(&bar.volume, market.spec.qty_scale)?,
            deal: number(&bar.quote_volume, market.quote.scale)?,
        })
    }

    fn row(self, time: u64, market: &MarketInfo) -> KlineRow<'_> {
        let price = |value| Decimal::new(value, market.spec.price_scale).to_string();
        KlineRow {
            time,
            open: price(self.open),
            close: price(self.close),
            high: price(self.high),
            low: price(self.low),
            volume: Decimal::new(self.volume, market.spec.qty_scale).to_string(),
            deal: Decimal::new(self.deal, market.quote.scale).to_string(),
            market: market.symbol(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_of_the_protocol_has_a_base() {
        let rows = [
            (1, "1s"),
            (15, "1s"),
            (60, "1m"),
            (120, "1m"),
            (360, "3m"),
            (600, "5m"),
            (720, "3m"),
            (1200, "5m"),
            (1800, "30m"),
            (3600, "1h"),
            (10_800, "1h"),
            (43_200, "12h"),
            (DAY, "1d"),
            (2 * DAY, "1d"),
            (3 * DAY, "1d"),
            (6 * DAY, "1d"),
        ];
        for (interval, base) in rows {
            assert_eq!(base_of(interval).1, base, "{interval}");
        }
    }
}
