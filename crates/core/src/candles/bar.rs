//! A bar, and what is done with a row of them.

use super::interval::{Interval, Offset, Span};
use crate::ids::{Timestamp, TradeId};
use crate::num::{Amount, PriceTicks, QtyLots};
use crate::spot::command::Side;
use crate::spot::event::Trade;

/// What a candle needs to know of a trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    pub at: Timestamp,
    pub trade: TradeId,
    pub price: PriceTicks,
    pub qty: QtyLots,
    pub quote: Amount,
    pub taker_is_buyer: bool,
}

/// The fills of an interval, added up. Never empty but for the bars that [`fill_gaps`] puts in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bar {
    pub start: Timestamp,
    pub open: PriceTicks,
    pub high: PriceTicks,
    pub low: PriceTicks,
    pub close: PriceTicks,
    /// Lots.
    pub volume: u128,
    /// Smallest quote units.
    pub quote: Amount,
    pub trades: u64,
    /// The part of `volume` and `quote` in which the taker bought.
    pub taker_buy_volume: u128,
    pub taker_buy_quote: Amount,
    pub first_trade: TradeId,
    pub last_trade: TradeId,
}

/// The bars of one interval as trades come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Series {
    interval: Interval,
    span: Span,
    current: Option<Bar>,
}

impl Fill {
    pub fn new(trade: &Trade, at: Timestamp) -> Fill {
        Fill {
            at,
            trade: trade.trade,
            price: trade.price,
            qty: trade.qty,
            quote: trade.quote,
            taker_is_buyer: trade.taker_side == Side::Buy,
        }
    }
}

impl Bar {
    pub fn new(start: Timestamp, fill: &Fill) -> Bar {
        let volume = fill.qty.0 as u128;
        let (taker_buy_volume, taker_buy_quote) = if fill.taker_is_buyer { (volume, fill.quote) } else { (0, 0) };
        Bar {
            start,
            open: fill.price,
            high: fill.price,
            low: fill.price,
            close: fill.price,
            volume,
            quote: fill.quote,
            trades: 1,
            taker_buy_volume,
            taker_buy_quote,
            first_trade: fill.trade,
            last_trade: fill.trade,
        }
    }

    /// A bar without a trade: all prices are the last close.
    pub fn flat(start: Timestamp, close: PriceTicks) -> Bar {
        Bar {
            start,
            open: close,
            high: close,
            low: close,
            close,
            volume: 0,
            quote: 0,
            trades: 0,
            taker_buy_volume: 0,
            taker_buy_quote: 0,
            first_trade: TradeId(0),
            last_trade: TradeId(0),
        }
    }

    pub fn add(&mut self, fill: &Fill) {
        *self = self.merge(&Bar::new(self.start, fill));
    }

    /// This bar and a later one as one that starts with this. Associative.
    pub fn merge(&self, later: &Bar) -> Bar {
        Bar {
            start: self.start,
            open: self.open,
            high: self.high.max(later.high),
            low: self.low.min(later.low),
            close: later.close,
            volume: self.volume.saturating_add(later.volume),
            quote: self.quote.saturating_add(later.quote),
            trades: self.trades.saturating_add(later.trades),
            taker_buy_volume: self.taker_buy_volume.saturating_add(later.taker_buy_volume),
            taker_buy_quote: self.taker_buy_quote.saturating_add(later.taker_buy_quote),
            first_trade: self.first_trade,
            last_trade: later.last_trade,
        }
    }
}

impl Series {
    pub fn new(interval: Interval) -> Series {
        Series { interval, span: Span { start: Timestamp(0), end: Timestamp(0) }, current: None }
    }

    /// Goes on from a bar that was folded before.
    pub fn resume(interval: Interval, bar: Bar) -> Series {
        Series { interval, span: interval.span(bar.start, Offset::UTC), current: Some(bar) }
    }

    pub fn interval(&self) -> Interval {
        self.interval
    }

    pub fn current(&self) -> Option<&Bar> {
        self.current.as_ref()
    }

    /// The stretch of the current bar.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Takes the next trade; gives the bar that it completed, if it began another one. Times never go back.
    pub fn fold(&mut self, fill: &Fill) -> Option<Bar> {
        match &mut self.current {
            // A time that went back would be our own bug elsewhere; here it joins the current bar.
            Some(bar) if fill.at < self.span.end => {
                bar.add(fill);
                None
            }
            current => {
                self.span = self.interval.span(fill.at, Offset::UTC);
                current.replace(Bar::new(self.span.start, fill))
            }
        }
    }
}

/// Bars of `interval` at `offset`, made from finer bars in order of time: those of its [`Interval::base`], or any whose
/// bars never straddle two of its own.
pub fn regroup(bars: impl IntoIterator<Item = Bar>, interval: Interval, offset: Offset) -> Vec<Bar> {
    let mut grouped: Vec<Bar> = Vec::new();
    let mut span = Span { start: Timestamp(0), end: Timestamp(0) };
    for bar in bars {
        match grouped.last_mut() {
            Some(last) if span.contains(bar.start) => *last = last.merge(&bar),
            _ => {
                span = interval.span(bar.start, offset);
                grouped.push(Bar { start: span.start, ..bar });
            }
        }
    }
    grouped
}

/// Puts a flat bar into every interval of `range` that has none, at the close before it, and cuts at `limit` bars.
///
/// `bars` lie within `range` in order of time; `before` is the last close ahead of it. Without one the row begins with
/// the first bar. Only intervals that begin within `range` are given.
pub fn fill_gaps(
    bars: &[Bar],
    interval: Interval,
    offset: Offset,
    range: Span,
    before: Option<PriceTicks>,
    limit: usize,
) -> Vec<Bar> {
    let mut filled = Vec::with_capacity(limit.min(bars.len().max(16)));
    let mut bars = bars.iter().peekable();
    let mut close = before;
    let mut span = interval.span(range.start, offset);
    if span.start < range.start {
        span = interval.span(span.end, offset);
    }
    if close.is_none() {
        match bars.peek() {
            Some(first) => span = interval.span(first.start, offset),
            None => return filled,
        }
    }
    while span.start < range.end && filled.len() < limit {
        let bar = bars.next_if(|bar| bar.start <= span.start).copied();
        let bar = bar.or_else(|| close.map(|close| Bar::flat(span.start, close)));
        let Some(bar) = bar else { break };
        close = Some(bar.close);
        filled.push(bar);
        if span.end == Timestamp(u64::MAX) {
            break;
        }
        span = interval.span(span.end, offset);
    }
    filled
}
