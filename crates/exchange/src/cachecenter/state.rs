//! What is known of one market: book, recent trades, running bars, 24 h ticker. A pure fold over its events.

use std::collections::VecDeque;

use allin_core::candles::{Bar, Fill, Interval, Rolling, Series};
use allin_core::ids::{OrderId, Seq, Timestamp};
use allin_core::num::PriceTicks;
use allin_core::spot::event::Event;
use allin_runtime::engine::Record;

use super::book::{Book, LevelChange};
use crate::catalog::Listing;

const TICKER_SECONDS: u64 = 86_400;
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
    /// Commands that changed the book so far.
    pub update: u64,
    /// The newest command that concerned this market.
    pub seq: Seq,
    pub at: Timestamp,
    pub last: PriceTicks,
    /// Oldest first.
    pub deals: VecDeque<Deal>,
    deals_kept: usize,
    series: [Series; INTERVALS],
    pub ticker: Rolling,
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
            update: 0,
            seq: Seq(0),
            at: Timestamp(0),
            last: PriceTicks::NONE,
            deals: VecDeque::new(),
            deals_kept,
            series: Interval::ALL.map(Series::new),
            ticker: Rolling::new(TICKER_SECONDS),
        }
    }

    /// Folds the events of one command that concern this market. `at` never goes back.
    pub fn apply<'a>(&mut self, record: &Record, at: Timestamp, events: impl Iterator<Item = &'a Event>) -> Outcome {
        let mut outcome = Outcome::default();
        for event in events {
            self.book.apply(event);
            if let Event::Trade(trade) = event {
                let fill = Fill::new(trade, at);
                self.fold(&fill, &mut outcome);
                let (maker_order, taker_order) = (trade.maker_order, trade.taker_order);
                if self.deals.len() == self.deals_kept {
                    self.deals.pop_front();
                }
                self.deals.push_back(Deal { fill, seq: record.seq, maker_order, taker_order });
                outcome.deals += 1;
            }
        }
        outcome.deals = outcome.deals.min(self.deals_kept);
        outcome.levels = self.book.finish();
        self.update += u64::from(!outcome.levels.is_empty());
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

    fn fold(&mut self, fill: &Fill, outcome: &mut Outcome) {
        self.last = fill.price;
        for series in &mut self.series {
            if let Some(closed) = series.fold(fill) {
                outcome.closed.push((series.interval(), closed));
            }
        }
        self.ticker.fold(fill);
    }
}

/// The market that an event changes the public picture of.
pub(super) fn market_of(event: &Event) -> Option<allin_core::ids::MarketId> {
    match event {
        Event::Placed(placed) => Some(placed.new.market),
        Event::Triggered { market, .. } => Some(*market),
        Event::Trade(trade) => Some(trade.market),
        Event::Changed(changed) => Some(changed.market),
        Event::Closed(closed) => Some(closed.market),
        _ => None,
    }
}
