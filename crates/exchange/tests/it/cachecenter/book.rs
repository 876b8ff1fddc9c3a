//! Invariant 15: the book is the fold of open orders, at every sequence.

use std::collections::BTreeMap;

use allin_core::ids::MarketId;
use allin_core::num::PriceTicks;
use allin_core::spot::command::Side;
use allin_core::spot::event::{CloseCause, Event};
use allin_exchange::cachecenter::book::{Book, Level, LevelChange};

use crate::flow::{Flow, markets};
use crate::tape::Tape;

/// A client's copy: nothing but differences.
#[derive(Default)]
struct Copy(BTreeMap<(u8, u64), Level>);

impl Copy {
    fn apply(&mut self, changes: &[LevelChange]) {
        for change in changes {
            let key = (change.side as u8, change.price.0);
            let before = match change.level.orders {
                0 => self.0.remove(&key),
                _ => self.0.insert(key, change.level),
            };
            assert_ne!(before.unwrap_or_default(), change.level, "a difference changes something");
        }
    }

    fn side(&self, side: Side) -> Vec<(PriceTicks, Level)> {
        let of_side = self.0.iter().filter(|((of, _), _)| *of == side as u8);
        let mut levels: Vec<_> = of_side.map(|((_, price), level)| (PriceTicks(*price), *level)).collect();
        if side == Side::Buy {
            levels.reverse();
        }
        levels
    }
}

/// What the random flow must have met for its pass to mean something.
#[derive(Default, Debug)]
struct Met {
    trades: u64,
    auctions: u64,
    triggered: u64,
    changed: u64,
    prevented: u64,
    lists: u64,
    levels: usize,
}

impl Met {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Trade(trade) => {
                self.trades += 1;
                self.auctions += u64::from(trade.auction);
            }
            Event::Triggered { .. } => self.triggered += 1,
            Event::Changed(_) => self.changed += 1,
            Event::Closed(closed) if closed.cause == CloseCause::SelfTrade => self.prevented += 1,
            Event::ListPlaced { .. } => self.lists += 1,
            _ => {}
        }
    }
}

#[test]
fn the_fold_of_the_events_is_the_book_of_the_engine() {
    let mut met = Met::default();
    for seed in 1..=40 {
        let mut flow = Flow::new(Tape::new(1), seed * 7919);
        let mut books: Vec<(Book, Copy)> = markets().map(|_| Default::default()).collect();
        for _ in 0..2500 {
            let events = flow.step();
            events.iter().for_each(|event| met.count(event));
            for ((market, symbol), (book, copy)) in markets().zip(&mut books) {
                events.iter().filter(|event| concerns(event, market)).for_each(|event| book.apply(event));
                copy.apply(&book.finish());
                for side in [Side::Buy, Side::Sell] {
                    let depth = flow.spot.depth(market, side, usize::MAX);
                    let want: Vec<(PriceTicks, Level)> = depth
                        .iter()
                        .map(|level| (level.price, Level { lots: level.qty.0.into(), orders: level.orders }))
                        .collect();
                    met.levels = met.levels.max(want.len());
                    let seq = flow.spot.seq();
                    let case = || format!("seed {seed}, {seq:?}, {symbol} {side:?}, after {events:#?}");
                    assert_eq!(book.levels(side).collect::<Vec<_>>(), want, "{}", case());
                    assert_eq!(copy.side(side), want, "{}", case());
                }
            }
        }
    }
    let enough = met.trades > 5000 && met.auctions > 50 && met.triggered > 300 && met.changed > 500;
    assert!(enough && met.prevented > 200 && met.lists > 300 && met.levels > 10, "{met:?}");
}

fn concerns(event: &Event, market: MarketId) -> bool {
    match event {
        Event::Placed(placed) => placed.new.market == market,
        Event::Triggered { market: of, .. } => *of == market,
        Event::Trade(trade) => trade.market == market,
        Event::Changed(changed) => changed.market == market,
        Event::Closed(closed) => closed.market == market,
        _ => false,
    }
}

#[test]
fn levels_add_up_to_steps_away_from_the_other_side() {
    let mut flow = Flow::new(Tape::new(1), 4);
    let mut book = Book::default();
    flow.steps(800);
    for (_, events) in flow.tape.records() {
        events.iter().filter(|event| concerns(event, MarketId(0))).for_each(|event| book.apply(event));
        book.finish();
    }
    for (side, round) in [(Side::Buy, 0), (Side::Sell, 1)] {
        let mut want: BTreeMap<u64, Level> = BTreeMap::new();
        for (price, level) in book.levels(side) {
            let up = u64::from(price.0 % 5 != 0) * round;
            let sum = want.entry((price.0 / 5 + up) * 5).or_default();
            sum.lots += level.lots;
            sum.orders += level.orders;
        }
        let mut want: Vec<(PriceTicks, Level)> = want.into_iter().map(|(p, l)| (PriceTicks(p), l)).collect();
        if side == Side::Buy {
            want.reverse();
        }
        assert!(want.len() >= 2, "{side:?}");
        assert_eq!(book.merged(side, PriceTicks(5), usize::MAX), want);
        assert_eq!(book.merged(side, PriceTicks(5), 1), want[..1]);
    }
}
