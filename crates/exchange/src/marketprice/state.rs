//! The bars that are still moving, and those not stored yet. A pure fold over the log's events.

use std::collections::{BTreeMap, BTreeSet};

use allin_core::candles::{Bar, Fill, Interval, Series};
use allin_core::ids::{MarketId, Seq, Timestamp, TradeId};
use allin_core::num::PriceTicks;
use allin_core::spot::event::{Event, Trade};
use allin_runtime::engine::Record;

use crate::aggregates::Numbering;
use crate::catalog::Catalog;

/// Stored intervals; the others are made from them on reading.
pub(super) const BASES: usize = Interval::BASES.len();

#[derive(Default)]
pub(super) struct State {
    pub catalog: Catalog,
    pub seq: Seq,
    pub time: Timestamp,
    markets: BTreeMap<MarketId, Market>,
    /// Markets with something to store.
    dirty: BTreeSet<MarketId>,
}

/// What is in the store of a market, as far as folding on needs it.
#[derive(Clone, Default)]
pub(super) struct Stored {
    /// The newest bar of each of [`Interval::BASES`].
    pub bars: [Option<Bar>; BASES],
    pub numbering: Option<Numbering>,
    /// Trade of the newest mark, 0 without one.
    pub marked: TradeId,
}

/// A trade that begins an aggregate, with that one's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    pub trade: TradeId,
    pub number: u64,
}

/// Trades after which there is another mark: whoever counts from one reads no more than about as many.
const MARK_EVERY: u64 = 500;

pub(super) struct Market {
    last: PriceTicks,
    newest_trade: TradeId,
    series: [Series; BASES],
    /// Start of the newest bar in the store.
    stored_to: [Option<Timestamp>; BASES],
    /// Not stored as they are now: by place in [`Interval::BASES`] and start.
    bars: BTreeMap<(usize, Timestamp), Bar>,
    deals: Vec<Fill>,
    numbering: Numbering,
    /// The store has one.
    numbered: bool,
    /// The newest mark's trade, since the start.
    marked: TradeId,
    /// Not stored yet, oldest first.
    marks: Vec<Mark>,
}

/// A bar for the store.
pub(super) struct ChangedBar {
    pub market: MarketId,
    pub interval: Interval,
    pub bar: Bar,
    /// Not in the store yet.
    pub is_new: bool,
}

/// What a commit writes.
#[derive(Default)]
pub(super) struct Changes {
    pub seq: Seq,
    pub bars: Vec<ChangedBar>,
    pub deals: Vec<(MarketId, Fill)>,
    /// Newest trade and its second, of each market that traded.
    pub newest: Vec<(MarketId, TradeId, Timestamp)>,
    pub marks: Vec<(MarketId, Mark)>,
    /// And whether the store has none of the market yet.
    pub numberings: Vec<(MarketId, Numbering, bool)>,
}

impl State {
    pub fn new(catalog: Catalog, seq: Seq, stored: Vec<(MarketId, Stored)>) -> State {
        let markets = stored.into_iter().map(|(id, stored)| (id, Market::new(&stored))).collect();
        State { catalog, seq, markets, ..State::default() }
    }

    pub fn apply(&mut self, record: &Record, events: &[Event]) {
        self.seq = record.seq;
        self.time = self.time.max(record.at);
        for event in events {
            match event {
                Event::Trade(trade) => {
                    let market = self.markets.entry(trade.market).or_insert_with(|| Market::new(&Stored::default()));
                    market.fold(&Fill::new(trade, self.time));
                    market.number(trade, self.time);
                    self.dirty.insert(trade.market);
                }
                other => self.catalog.apply(other),
            }
        }
    }

    pub fn market(&self, id: MarketId) -> Option<&Market> {
        self.markets.get(&id)
    }

    /// Of each market that traded.
    pub fn numberings(&self) -> impl Iterator<Item = (MarketId, Numbering)> {
        self.markets.iter().map(|(id, market)| (*id, market.numbering))
    }

    pub fn changes(&self) -> Changes {
        let mut changes = Changes { seq: self.seq, ..Changes::default() };
        for id in &self.dirty {
            let market = &self.markets[id];
            let changed = market.bars.iter().map(|((base, start), bar)| ChangedBar {
                market: *id,
                interval: Interval::BASES[*base],
                bar: *bar,
                is_new: market.stored_to[*base].is_none_or(|stored| stored < *start),
            });
            changes.bars.extend(changed);
            changes.deals.extend(market.deals.iter().map(|deal| (*id, *deal)));
            let second = market.series[0].current().map_or(Timestamp(0), |bar| bar.start);
            changes.newest.push((*id, market.newest_trade, second));
            changes.marks.extend(market.marks.iter().map(|mark| (*id, *mark)));
            changes.numberings.push((*id, market.numbering, !market.numbered));
        }
        changes
    }

    /// The last [`State::changes`] are in the store; nothing was folded since.
    pub fn stored(&mut self) {
        for id in std::mem::take(&mut self.dirty) {
            let Some(market) = self.markets.get_mut(&id) else { continue };
            for ((base, start), _) in std::mem::take(&mut market.bars) {
                market.stored_to[base] = Some(start);
            }
            market.deals.clear();
            market.marks.clear();
            market.numbered = true;
        }
    }
}

impl Market {
    fn new(stored: &Stored) -> Market {
        let series = std::array::from_fn(|base| match stored.bars[base] {
            Some(bar) => Series::resume(Interval::BASES[base], bar),
            None => Series::new(Interval::BASES[base]),
        });
        let newest = stored.bars[BASES - 1];
        Market {
            last: newest.map_or(PriceTicks::NONE, |bar| bar.close),
            newest_trade: newest.map_or(TradeId(0), |bar| bar.last_trade),
            series,
            stored_to: stored.bars.map(|bar| bar.map(|bar| bar.start)),
            bars: BTreeMap::new(),
            deals: Vec::new(),
            // A store of before did not count.
            numbering: stored.numbering.or(newest.map(|bar| Numbering::after(bar.last_trade))).unwrap_or_default(),
            numbered: stored.numbering.is_some(),
            marked: stored.marked,
            marks: Vec::new(),
        }
    }

    fn number(&mut self, trade: &Trade, at: Timestamp) {
        let (number, begins) = self.numbering.next(trade, at);
        if begins && (self.marked.0 == 0 || trade.trade.0 - self.marked.0 >= MARK_EVERY) {
            self.marked = trade.trade;
            self.marks.push(Mark { trade: trade.trade, number });
        }
    }

    /// Marks that are not stored yet, oldest first.
    pub fn unstored_marks(&self) -> &[Mark] {
        &self.marks
    }

    fn fold(&mut self, fill: &Fill) {
        self.last = fill.price;
        self.newest_trade = fill.trade;
        for (base, series) in self.series.iter_mut().enumerate() {
            // A bar that this one ends is among `bars` already, or stored.
            series.fold(fill);
            let bar = series.current().expect("a trade was folded");
            self.bars.insert((base, bar.start), *bar);
        }
        self.deals.push(*fill);
    }

    pub fn last(&self) -> PriceTicks {
        self.last
    }

    /// Bars that are not stored as they are now, of one of the stored intervals.
    pub fn unstored(&self) -> &BTreeMap<(usize, Timestamp), Bar> {
        &self.bars
    }

    /// Trades that are not stored yet, oldest first.
    pub fn unstored_deals(&self) -> &[Fill] {
        &self.deals
    }
}
