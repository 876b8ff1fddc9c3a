//! What is known of one market: book, recent trades, running bars, 24 h ticker. A pure fold over its events.

use std::collections::VecDeque;

use allin_core::candles::{Bar, Fill, Interval, Rolling, Series};
use allin_core::ids::{OrderId, Seq, Timestamp, TradeId};
use allin_core::num::PriceTicks;
use allin_core::spot::event::Event;
use allin_runtime::engine::Record;

use super::book::{Book, LevelChange};
use crate::catalog::Listing;

pub(super) const TICKER_SECONDS: u64 = 86_400;
const INTERVALS: usize = Interval::ALL.len();

/// A trade as subscribers get it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Deal {
    pub fill: Fill,
    pub seq: Seq,
    pub maker_order: OrderId,
    pub taker_order: OrderId,
}

pub(super) struct MarketState {
    pub listing: Listing,
    pub book: Book,
    /// The newest command that changed the book, and the one before; of a market that was taken up as it stood, where that was.
    pub update: Seq,
    pub update_before: Seq,
    /// The newest command that concerned this market.
    pub seq: Seq,
    pub at: Timestamp,
    pub last: PriceTicks,
    /// Oldest first.
    pub deals: VecDeque<Deal>,
    deals_kept: usize,
    series: [Series; INTERVALS],
    pub ticker: Rolling,
    /// The newest trade that is or was in `ticker`.
    ticker_newest: TradeId,
}

/// What another fold over a market's trades stands at.
#[derive(Default)]
pub(super) struct StandingPrices {
    /// Of the sixteen intervals, shortest first; none before a trade.
    pub bars: Vec<Bar>,
    /// Oldest first.
    pub deals: Vec<Fill>,
    /// Seconds of the ticker's window, oldest first, and the price before.
    pub seconds: Vec<Bar>,
    pub before: Option<PriceTicks>,
}

/// What a command did to a market.
#[derive(Default)]
pub(super) struct Outcome {
    pub levels: Vec<LevelChange>,
    /// How many of the newest deals are new.
    pub deals: usize,
    /// Bars that came to their end by a trade of a later one.
    pub closed: Vec<(Interval, Bar)>,
}

impl MarketState {
    pub fn new(listing: Listing, deals_kept: usize) -> MarketState {
        MarketState {
            listing,
            book: Book::default(),
            update: Seq(0),
            update_before: Seq(0),
            seq: Seq(0),
            at: Timestamp(0),
            last: PriceTicks::NONE,
            deals: VecDeque::new(),
            deals_kept,
            series: Interval::ALL.map(Series::new),
            ticker: Rolling::new(TICKER_SECONDS),
            ticker_newest: TradeId(0),
        }
    }

    /// Folds the events of one command that concern this market. `at` never goes back.
    pub fn apply<'a>(&mut self, record: &Record, at: Timestamp, events: impl Iterator<Item = &'a Event>) -> Outcome {
        let mut outcome = Outcome::default();
        self.book.begin(record.seq);
        for event in events {
            self.book.apply(event);
            if let Event::Trade(trade) = event {
                let fill = Fill::new(trade, at);
                self.fold(&fill, &mut outcome);
                let (maker_order, taker_order) = (trade.maker_order, trade.taker_order);
                let deal = Deal { fill, seq: record.seq, maker_order, taker_order };
                outcome.deals += usize::from(self.keep(deal));
            }
        }
        outcome.deals = outcome.deals.min(self.deals_kept);
        outcome.levels = self.book.finish();
        // Up to where it was taken up the changes are in it.
        if !outcome.levels.is_empty() && record.seq > self.update {
            self.update_before = std::mem::replace(&mut self.update, record.seq);
        }
        self.seq = record.seq;
        self.at = at;
        outcome
    }

    /// The bar of the last trade.
    pub fn bar(&self, interval: Interval) -> Option<&Bar> {
        self.series[interval as usize].current()
    }

    /// When the bar of the last trade ends.
    pub fn bar_end(&self, interval: Interval) -> Timestamp {
        self.series[interval as usize].span().end
    }

    /// Takes up the prices as another fold had them: every part knows its own last trade, and leaves out what it has.
    pub fn take_up(&mut self, prices: StandingPrices) {
        let newest = prices.bars.first().map_or(TradeId(0), |bar| bar.last_trade);
        self.last = prices.bars.first().map_or(PriceTicks::NONE, |bar| bar.close);
        for (series, bar) in self.series.iter_mut().zip(prices.bars) {
            *series = Series::resume(series.interval(), bar);
        }
        let skip = prices.deals.len().saturating_sub(self.deals_kept);
        let kept = prices.deals.into_iter().skip(skip);
        let unknown = OrderId(0);
        self.deals = kept.map(|fill| Deal { fill, seq: Seq(0), maker_order: unknown, taker_order: unknown }).collect();
        self.ticker = Rolling::resume(TICKER_SECONDS, prices.seconds, prices.before);
        self.ticker_newest = self.ticker.newest().unwrap_or(newest);
    }

    /// The state is that after `seq`: of a book that was taken up, and of all that the fold went through since.
    pub fn stand_at(&mut self, seq: Seq, at: Timestamp) {
        // What the pages did to levels is no difference.
        self.book.finish();
        (self.seq, self.update, self.update_before, self.at) = (seq, seq, seq, at);
    }

    fn keep(&mut self, deal: Deal) -> bool {
        if self.deals.back().is_some_and(|last| last.fill.trade >= deal.fill.trade) {
            return false;
        }
        if self.deals.len() == self.deals_kept {
            self.deals.pop_front();
        }
        self.deals.push_back(deal);
        true
    }

    fn fold(&mut self, fill: &Fill, outcome: &mut Outcome) {
        for series in &mut self.series {
            if series.current().is_some_and(|bar| bar.last_trade >= fill.trade) {
                continue;
            }
            self.last = fill.price;
            if let Some(closed) = series.fold(fill) {
                outcome.closed.push((series.interval(), closed));
            }
        }
        if fill.trade > self.ticker_newest {
            self.ticker.fold(fill);
            self.ticker_newest = fill.trade;
        }
    }
}
