//! One market at one moment: what is stored and what is not stored yet, as one row of bars.
//!
//! What is not stored is copied first and the store is read after. A commit in between only puts the same bars, or later
//! states of them, into the store; so of two states of a bar the one with the later trade is taken, and the result is
//! the state at the later of the two moments. What a reader sees never goes back behind `seq`.

use std::collections::BTreeMap;

use allin_core::candles::{Bar, Fill, Interval, Span};
use allin_core::ids::{Seq, Timestamp, TradeId};
use allin_core::num::PriceTicks;
use allin_runtime::store::{StoreError, Tx};

use super::state::{Mark, State};
use super::store::{self, Near};
use crate::catalog::Listing;

/// The part that is not in the store.
pub(super) struct Unstored {
    pub listing: Listing,
    pub seq: Seq,
    /// The time of the newest command.
    pub time: Timestamp,
    pub last: PriceTicks,
    bars: BTreeMap<(usize, Timestamp), Bar>,
    /// Oldest first.
    deals: Vec<Fill>,
    /// Oldest first.
    marks: Vec<Mark>,
}

pub(super) struct View {
    unstored: Unstored,
    tx: Tx,
}

impl Unstored {
    /// Copies what a question needs; `None` for an unknown market.
    pub fn of(state: &State, symbol: &str) -> Option<Unstored> {
        let listing = *state.catalog.listing_by_symbol(symbol)?;
        let market = state.market(listing.market);
        Some(Unstored {
            listing,
            seq: state.seq,
            time: state.time,
            last: market.map_or(PriceTicks::NONE, |market| market.last()),
            bars: market.map(|market| market.unstored().clone()).unwrap_or_default(),
            deals: market.map(|market| market.unstored_deals().to_vec()).unwrap_or_default(),
            marks: market.map(|market| market.unstored_marks().to_vec()).unwrap_or_default(),
        })
    }
}

impl View {
    pub fn new(unstored: Unstored, tx: Tx) -> View {
        View { unstored, tx }
    }

    /// Bars of a stored interval that begin within the span, in order of time.
    pub async fn bars(&mut self, interval: Interval, span: Span) -> Result<Vec<Bar>, StoreError> {
        if span.start >= span.end {
            return Ok(Vec::new());
        }
        let stored = store::bars(&mut self.tx, self.unstored.listing.market, interval, span).await?;
        let mut merged: BTreeMap<Timestamp, Bar> = stored.into_iter().map(|bar| (bar.start, bar)).collect();
        let base = place(interval);
        for bar in self.unstored.bars.range((base, span.start)..(base, span.end)).map(|(_, bar)| bar) {
            let known = merged.entry(bar.start).or_insert(*bar);
            *known = newer(*known, *bar);
        }
        Ok(merged.into_values().collect())
    }

    /// The newest bar of a stored interval that begins before `end`.
    pub async fn last_before(&mut self, interval: Interval, end: Timestamp) -> Result<Option<Bar>, StoreError> {
        let stored = store::last_before(&mut self.tx, self.unstored.listing.market, interval, end).await?;
        let base = place(interval);
        let unstored = self.unstored.bars.range((base, Timestamp(0))..(base, end)).next_back().map(|(_, bar)| *bar);
        Ok(match (stored, unstored) {
            (Some(stored), Some(unstored)) if stored.start == unstored.start => Some(newer(stored, unstored)),
            (Some(stored), Some(unstored)) if stored.start > unstored.start => Some(stored),
            (stored, unstored) => unstored.or(stored),
        })
    }

    /// The oldest bar of a stored interval.
    pub async fn first(&mut self, interval: Interval) -> Result<Option<Bar>, StoreError> {
        let stored = store::first(&mut self.tx, self.unstored.listing.market, interval).await?;
        let base = place(interval);
        let unstored = self.unstored.bars.range((base, Timestamp(0))..).next().filter(|((of, _), _)| *of == base);
        Ok(stored.or(unstored.map(|(_, bar)| *bar)))
    }

    /// The last price before a moment that is a whole second.
    pub async fn close_before(&mut self, at: Timestamp) -> Result<Option<PriceTicks>, StoreError> {
        let minute = Timestamp(at.0 - at.0 % Timestamp::MINUTE);
        let seconds = self.bars(Interval::S1, Span { start: minute, end: at }).await?;
        if let Some(bar) = seconds.last() {
            return Ok(Some(bar.close));
        }
        Ok(self.last_before(Interval::M1, minute).await?.map(|bar| bar.close))
    }

    /// The newest trades after `after`, newest first.
    pub async fn deals(&mut self, after: TradeId, limit: usize) -> Result<Vec<Fill>, StoreError> {
        let unstored = self.unstored.deals.iter().rev().take_while(|deal| deal.trade > after).take(limit);
        let mut deals: Vec<Fill> = unstored.copied().collect();
        // Nothing newer than what was copied, so that the row has no hole.
        let before = self.unstored.deals.first().map_or(TradeId(i64::MAX as u64), |deal| deal.trade);
        if deals.len() < limit {
            let rest = limit - deals.len();
            deals.extend(store::deals(&mut self.tx, self.unstored.listing.market, after, before, rest).await?);
        }
        Ok(deals)
    }

    /// The last mark at or before something.
    pub async fn mark(&mut self, near: Near) -> Result<Option<Mark>, StoreError> {
        let fits = |mark: &&Mark| match near {
            Near::Trade(trade) => mark.trade.0 <= trade,
            Near::Number(number) => mark.number <= number,
            Near::Beginning => false,
        };
        if let Some(mark) = self.unstored.marks.iter().rev().find(fits) {
            return Ok(Some(*mark));
        }
        let stored = store::mark(&mut self.tx, self.unstored.listing.market, near).await?;
        let first = self.unstored.marks.first().filter(|_| matches!(near, Near::Beginning));
        Ok(stored.or(first.copied()))
    }

    pub async fn end(self) -> Result<(), StoreError> {
        self.tx.commit().await
    }
}

fn newer(one: Bar, other: Bar) -> Bar {
    if other.last_trade > one.last_trade { other } else { one }
}

fn place(interval: Interval) -> usize {
    Interval::BASES.iter().position(|base| *base == interval).expect("only stored intervals are asked for")
}
