//! What the fold over a market's trades stands at, for whoever goes on with it.

use allin_core::candles::{Bar, Interval, Offset, Span, regroup};
use allin_core::ids::{Timestamp, TradeId};
use allin_runtime::store::StoreError;
use allin_wire::exchange::v1::{StandingReply, StandingRequest};

use super::config::MarketPriceSection;
use super::read::{first_second, next};
use super::store::seconds_from;
use super::view::View;

/// Trades of one answer at most.
const DEALS_MAX: u32 = 10_000;
/// What one page holds of the window: at most a bar a second, some 70 bytes each.
const PAGE: u64 = 4 * 3600 * Timestamp::SECOND;
/// All of time that SQL can sort.
const END: Timestamp = Timestamp(i64::MAX as u64);

/// One page. `time` is that of the newest command that the view holds for certain.
pub(super) async fn page(
    view: &mut View,
    request: &StandingRequest,
    time: Timestamp,
    now: Timestamp,
    config: &MarketPriceSection,
) -> Result<StandingReply, StoreError> {
    let mut reply = StandingReply::default();
    let mut from = Timestamp(request.from_us);
    if from == Timestamp(0) {
        let Some(newest) = newest(view).await? else { return Ok(reply) };
        reply.bars = current(view, newest).await?.iter().map(Into::into).collect();
        let deals = view.deals(TradeId(0), request.deals.min(DEALS_MAX) as usize).await?;
        reply.deals = deals.iter().rev().map(Into::into).collect();
        from = first_second(now, request.window_s);
        reply.before = view.close_before(from).await?.map_or(0, |close| close.0);
        if newest < from {
            return Ok(reply);
        }
    }
    let mut end = Timestamp(from.0.saturating_add(PAGE));
    // Trades come in order of time: a stretch that the log has left behind is complete, and any other is the last.
    if end <= time {
        reply.next_us = end.0;
    } else {
        end = END;
    }
    // Before the first second that is kept, minutes do: such a ticker begins at a minute, as the role's own do.
    let kept = seconds_from(now, config);
    let start = next(from, Interval::M1);
    let mut parts = view.bars(Interval::M1, Span { start, end: end.min(kept) }).await?;
    parts.extend(view.bars(Interval::S1, Span { start: from.max(kept), end }).await?);
    reply.seconds = parts.iter().map(Into::into).collect();
    Ok(reply)
}

/// When the second of the last trade begins.
async fn newest(view: &mut View) -> Result<Option<Timestamp>, StoreError> {
    Ok(view.last_before(Interval::S1, END).await?.map(|bar| bar.start))
}

/// The bar of each interval in which a moment lies.
async fn current(view: &mut View, at: Timestamp) -> Result<Vec<Bar>, StoreError> {
    let mut bars = Vec::with_capacity(Interval::ALL.len());
    for interval in Interval::ALL {
        let span = interval.span(at, Offset::UTC);
        let parts = view.bars(interval.base(Offset::UTC), Span { start: span.start, end: span.end.min(END) }).await?;
        bars.extend(regroup(parts, interval, Offset::UTC));
    }
    Ok(bars)
}
