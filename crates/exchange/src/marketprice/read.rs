//! Klines and tickers, made from the stored intervals.

use allin_core::candles::{Bar, Interval, Offset, Span, fill_gaps, regroup};
use allin_core::ids::Timestamp;
use allin_core::num::PriceTicks;
use allin_runtime::store::StoreError;

use super::config::MarketPriceSection;
use super::store::seconds_from;
use super::view::View;

/// A question for klines, checked.
pub(super) struct KlineQuestion {
    pub interval: Interval,
    pub offset: Offset,
    /// Without one: the last bars before the end.
    pub start: Option<Timestamp>,
    pub end: Timestamp,
    pub limit: u32,
}

/// A window, summed up.
pub(super) struct Window {
    pub start: Timestamp,
    /// Flat when nothing traded; `None` before the first trade ever.
    pub bar: Option<Bar>,
    pub previous_close: Option<PriceTicks>,
}

impl KlineQuestion {
    /// The bars, oldest first, without gaps.
    pub async fn answer(
        &self,
        view: &mut View,
        now: Timestamp,
        config: &MarketPriceSection,
    ) -> Result<Vec<Bar>, StoreError> {
        let base = self.interval.base(self.offset);
        let end = self.end.min(now.plus(1));
        if end.0 == 0 {
            return Ok(Vec::new());
        }
        // Seconds are not kept for ever, so their first bar tells nothing.
        let Some(first) = view.first(base.max(Interval::M1)).await? else { return Ok(Vec::new()) };
        let last = Timestamp(end.0 - 1);
        let mut start =
            self.start.unwrap_or_else(|| self.interval.back(last, self.limit.saturating_sub(1), self.offset));
        start = start.max(self.span(first.start).start);
        if self.interval == Interval::S1 {
            start = start.max(seconds_from(now, config));
        }
        start = self.aligned(start);
        if start >= end {
            return Ok(Vec::new());
        }
        let range = Span { start, end: end.min(self.after(start)) };
        let rows = Span { start, end: self.span(Timestamp(range.end.0 - 1)).end };
        let bars = regroup(view.bars(base, rows).await?, self.interval, self.offset);
        let starts_full = bars.first().is_some_and(|bar| bar.start == start);
        let before = if starts_full { None } else { view.close_before(start).await? };
        Ok(fill_gaps(&bars, self.interval, self.offset, range, before, self.limit as usize))
    }

    fn span(&self, at: Timestamp) -> Span {
        self.interval.span(at, self.offset)
    }

    /// The first bar that begins at or after `at`.
    fn aligned(&self, at: Timestamp) -> Timestamp {
        let span = self.span(at);
        if span.start < at { span.end } else { span.start }
    }

    /// The end of `limit` bars from `start` on.
    fn after(&self, start: Timestamp) -> Timestamp {
        let mut end = start;
        for _ in 0..self.limit {
            end = self.span(end).end;
        }
        end
    }
}

/// The last `seconds` seconds, exact to the second as far as seconds are kept: seconds up to the first whole minute,
/// minutes up to the first whole hour, hours from there.
pub(super) async fn rolling(
    view: &mut View,
    seconds: u64,
    now: Timestamp,
    config: &MarketPriceSection,
) -> Result<Window, StoreError> {
    since(view, first_second(now, seconds), now, config).await
}

/// Where the last `seconds` seconds begin.
pub(super) fn first_second(now: Timestamp, seconds: u64) -> Timestamp {
    Timestamp((now.0 / Timestamp::SECOND + 1).saturating_sub(seconds) * Timestamp::SECOND)
}

/// From a whole second on.
pub(super) async fn since(
    view: &mut View,
    mut start: Timestamp,
    now: Timestamp,
    config: &MarketPriceSection,
) -> Result<Window, StoreError> {
    if start < seconds_from(now, config) {
        start = next(start, Interval::M1);
    }
    let minute = next(start, Interval::M1);
    let hour = next(minute, Interval::H1);
    let mut bars = view.bars(Interval::S1, Span { start, end: minute }).await?;
    bars.extend(view.bars(Interval::M1, Span { start: minute, end: hour }).await?);
    bars.extend(view.bars(Interval::H1, Span { start: hour, end: Timestamp(u64::MAX) }).await?);
    window(view, start, bars).await
}

/// Since midnight, UTC.
pub(super) async fn today(view: &mut View, now: Timestamp) -> Result<Window, StoreError> {
    let day = Interval::D1.span(now, Offset::UTC);
    let bars = view.bars(Interval::D1, day).await?;
    window(view, day.start, bars).await
}

async fn window(view: &mut View, start: Timestamp, bars: Vec<Bar>) -> Result<Window, StoreError> {
    let previous_close = view.close_before(start).await?;
    let bar = bars.into_iter().reduce(|sum, bar| sum.merge(&bar));
    let bar = bar.or_else(|| previous_close.map(|close| Bar::flat(start, close)));
    Ok(Window { start, bar, previous_close })
}

/// The first start of a bar at or after `at`.
pub(super) fn next(at: Timestamp, interval: Interval) -> Timestamp {
    let span = interval.span(at, Offset::UTC);
    if span.start < at { span.end } else { span.start }
}
