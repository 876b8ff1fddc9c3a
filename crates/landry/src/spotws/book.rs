//! One market's visible book in text, and what its streams tell of it. Pure.
//!
//! Update ids are the engine's sequences. A difference stream tells, each time, the levels that changed since its last
//! event: `u` is the sequence of the newest change, `U` follows the `u` before without a gap. So a snapshot of any
//! sequence fits in: the first event with `u` beyond it begins at its next sequence or before.

use std::collections::BTreeMap;

use allin_core::num::PriceTicks;
use allin_core::spot::command::Side;
use allin_exchange::catalog::Listing;
use allin_wire::exchange::v1::{self as pb, DepthDiff, DepthSnapshot};

use crate::decimals::{Numbers, padded};
use crate::jsontext::Object;

/// A level as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Level {
    price: Box<str>,
    qty: Box<str>,
}

/// What one difference stream has yet to tell.
#[derive(Default, Debug)]
struct Chain {
    /// `u` of its last event.
    last: u64,
    /// Levels that changed since, as they are now; empty ones with a quantity of zero.
    bids: BTreeMap<PriceTicks, Level>,
    asks: BTreeMap<PriceTicks, Level>,
}

#[derive(Debug)]
pub(super) struct Book {
    listing: Listing,
    numbers: Numbers,
    bids: BTreeMap<PriceTicks, Level>,
    asks: BTreeMap<PriceTicks, Level>,
    /// The sequence that the book includes: of its newest change, or of the snapshot that it began with.
    seq: u64,
    begun: bool,
    /// Every 100 ms, every second.
    chains: [Chain; 2],
}

/// A level's text that cannot be read: our own bug.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BadLevel(pub String);

impl Book {
    pub fn new(listing: Listing) -> Book {
        let (bids, asks) = Default::default();
        let numbers = Numbers::of(&listing);
        Book { listing, numbers, bids, asks, seq: 0, begun: false, chains: Default::default() }
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Begins, or begins anew: what differs from the book so far counts as changed.
    pub fn snapshot(&mut self, snapshot: &DepthSnapshot) -> Result<(), BadLevel> {
        let read = |levels: &[pb::Level]| -> Result<BTreeMap<PriceTicks, Level>, BadLevel> {
            levels.iter().map(|level| self.read(level)).collect()
        };
        let (bids, asks) = (read(&snapshot.bids)?, read(&snapshot.asks)?);
        self.seq = snapshot.seq.max(self.seq);
        if self.begun {
            for (side, levels) in [(Side::Buy, &bids), (Side::Sell, &asks)] {
                let gone: Vec<PriceTicks> =
                    self.side(side).keys().filter(|price| !levels.contains_key(price)).copied().collect();
                let removed = gone.into_iter().map(|price| (price, self.zero(price)));
                let removed: Vec<_> = removed.collect();
                let known = self.side(side);
                let other = levels.iter().filter(|(price, level)| known.get(price) != Some(level));
                let changed: Vec<_> = other.map(|(price, level)| (*price, level.clone())).collect();
                for (price, level) in removed.into_iter().chain(changed) {
                    self.note(side, price, &level);
                }
            }
        } else {
            self.begun = true;
            self.chains.iter_mut().for_each(|chain| chain.last = snapshot.seq);
        }
        (self.bids, self.asks) = (bids, asks);
        Ok(())
    }

    pub fn diff(&mut self, diff: &DepthDiff) -> Result<(), BadLevel> {
        for (side, levels) in [(Side::Buy, &diff.bids), (Side::Sell, &diff.asks)] {
            for level in levels {
                let (price, text) = self.read(level)?;
                self.note(side, price, &text);
                let levels = self.side_mut(side);
                match level.orders {
                    0 => levels.remove(&price),
                    _ => levels.insert(price, text),
                };
            }
        }
        self.seq = diff.seq;
        Ok(())
    }

    /// The changes since the last call with the same speed, as a `depthUpdate`'s fields from `U` on; none without any.
    pub fn take_changes(&mut self, fast: bool) -> Option<Changes> {
        let seq = self.seq;
        let chain = &mut self.chains[usize::from(!fast)];
        if chain.bids.is_empty() && chain.asks.is_empty() {
            return None;
        }
        let first = chain.last + 1;
        chain.last = seq;
        let (bids, asks) = (std::mem::take(&mut chain.bids), std::mem::take(&mut chain.asks));
        Some(Changes { first, last: seq, bids: levels_json(bids.values().rev()), asks: levels_json(asks.values()) })
    }

    /// A partial book.
    pub fn partial(&self, levels: u8) -> String {
        let levels = usize::from(levels);
        let mut object = Object::with_capacity(levels * 80);
        object.raw("lastUpdateId", self.seq);
        object.raw("bids", levels_json(self.bids.values().rev().take(levels)));
        object.raw("asks", levels_json(self.asks.values().take(levels)));
        object.finish()
    }

    /// Best bid and ask, as a `bookTicker`'s fields after the symbol; zeros where there is none.
    pub fn best(&self) -> Best {
        let text = |level: Option<&Level>| match level {
            Some(level) => [level.price.to_string(), level.qty.to_string()],
            None => [self.numbers.price(PriceTicks::NONE), self.numbers.qty(0)],
        };
        Best { bid: text(self.bids.values().next_back()), ask: text(self.asks.values().next()) }
    }

    pub fn symbol(&self) -> &str {
        self.listing.symbol.as_str()
    }

    fn read(&self, level: &pb::Level) -> Result<(PriceTicks, Level), BadLevel> {
        let price = self.listing.parse_price(&level.price).map_err(|_| BadLevel(level.price.clone()))?;
        let [price_text, qty] = [&level.price, &level.qty].map(|text| padded(text.clone()).into());
        Ok((price, Level { price: price_text, qty }))
    }

    fn zero(&self, price: PriceTicks) -> Level {
        Level { price: self.numbers.price(price).into(), qty: self.numbers.qty(0).into() }
    }

    fn note(&mut self, side: Side, price: PriceTicks, level: &Level) {
        for chain in &mut self.chains {
            let changed = match side {
                Side::Buy => &mut chain.bids,
                Side::Sell => &mut chain.asks,
            };
            changed.insert(price, level.clone());
        }
    }

    fn side(&self, side: Side) -> &BTreeMap<PriceTicks, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<PriceTicks, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// What a `depthUpdate` tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Changes {
    pub first: u64,
    pub last: u64,
    /// JSON arrays, best first.
    pub bids: String,
    pub asks: String,
}

/// Price and quantity of each side.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Best {
    pub bid: [String; 2],
    pub ask: [String; 2],
}

/// `[["price","quantity"],…]`; numbers need no escaping.
fn levels_json<'a>(levels: impl Iterator<Item = &'a Level>) -> String {
    let mut text = String::from("[");
    for level in levels {
        if text.len() > 1 {
            text.push(',');
        }
        for part in ["[\"", &level.price, "\",\"", &level.qty, "\"]"] {
            text.push_str(part);
        }
    }
    text.push(']');
    text
}
