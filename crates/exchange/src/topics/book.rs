//! Books: whole ones when the publisher starts, and after that the levels that each command changed.

use std::collections::BTreeMap;

use allin_core::ids::{MarketId, Seq};
use allin_core::num::PriceTicks;
use allin_core::spot::command::Side;
use allin_core::spot::event::Event;
use allin_runtime::engine::{Engine, Record};
use serde::Serialize;

use super::words::{Worded, json};
use crate::cachecenter::book::{Book, Level, market_of};
use crate::cachecenter::open_orders;
use crate::catalog::{Catalog, Listing};
use crate::follow::FollowError;

/// Levels of one message of a whole book: it stays far below what a broker takes.
const LEVELS_MAX: usize = 2_000;

#[derive(Default)]
pub(super) struct Books {
    books: BTreeMap<MarketId, Book>,
    /// The books are those of one sequence from here on; whole ones are told with the first command after it.
    whole_from: Option<Seq>,
}

/// `part` of `parts` of a whole book, or the levels that changed, as they are after the command; a quantity of 0 is a level
/// that is gone. Bids and asks as `[price, quantity]`.
#[derive(Serialize)]
struct BookTold<'a> {
    event: &'static str,
    seq: u64,
    at_us: u64,
    market: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<usize>,
    bids: Vec<[String; 2]>,
    asks: Vec<[String; 2]>,
}

impl<'a> BookTold<'a> {
    fn new(
        event: &'static str,
        record: &Record,
        listing: &'a Listing,
        levels: impl Iterator<Item = (Side, PriceTicks, Level)>,
    ) -> BookTold<'a> {
        let (mut bids, mut asks) = (vec![], vec![]);
        for (side, price, level) in levels {
            let one = [listing.price(price), listing.qty(level.lots)];
            match side {
                Side::Buy => bids.push(one),
                Side::Sell => asks.push(one),
            }
        }
        let (seq, at_us, market) = (record.seq.0, record.at.0, listing.symbol.as_str());
        BookTold { event, seq, at_us, market, part: None, parts: None, bids, asks }
    }

    fn worded(&self) -> Worded {
        (self.market.to_owned(), json(self))
    }
}

impl Books {
    /// What stands now. `told` is the last sequence of the topic: whole books come after it.
    pub async fn standing(engine: &dyn Engine, catalog: &Catalog, page: u32, told: Seq) -> Result<Books, FollowError> {
        let mut books: BTreeMap<MarketId, Book> =
            catalog.listings().map(|listing| (listing.market, Book::default())).collect();
        let (last, _) = open_orders(engine, page, |order, seq| {
            books.entry(order.market).or_default().enter_standing(order, seq);
        })
        .await?;
        Ok(Books { books, whole_from: Some(last.max(told)) })
    }

    pub fn apply(&mut self, catalog: &Catalog, record: &Record, events: &[Event]) -> Vec<Worded> {
        let mut touched: Vec<MarketId> = vec![];
        for event in events {
            let Some(market) = market_of(event) else { continue };
            let book = self.books.entry(market).or_default();
            if !touched.contains(&market) {
                touched.push(market);
                book.begin(record.seq);
            }
            book.apply(event);
        }
        let changed: Vec<_> = touched
            .into_iter()
            .map(|market| (market, self.books.get_mut(&market).map(Book::finish).unwrap_or_default()))
            .filter(|(_, changes)| !changes.is_empty())
            .collect();
        match self.whole_from {
            Some(from) if record.seq <= from => vec![],
            Some(_) => {
                self.whole_from = None;
                let whole = self.books.iter().filter_map(|(market, book)| Some((catalog.listing(*market)?, book)));
                whole.flat_map(|(listing, book)| whole_book(record, listing, book)).collect()
            }
            None => {
                let told = changed.into_iter().filter_map(|(market, changes)| {
                    let levels = changes.into_iter().map(|change| (change.side, change.price, change.level));
                    Some(BookTold::new("changed", record, catalog.listing(market)?, levels).worded())
                });
                told.collect()
            }
        }
    }
}

fn whole_book(record: &Record, listing: &Listing, book: &Book) -> Vec<Worded> {
    let sides = [Side::Buy, Side::Sell].into_iter();
    let levels: Vec<_> =
        sides.flat_map(|side| book.levels(side).map(move |(price, level)| (side, price, level))).collect();
    let parts = levels.len().div_ceil(LEVELS_MAX).max(1);
    let told = (0..parts).map(|part| {
        let levels = levels.iter().skip(part * LEVELS_MAX).take(LEVELS_MAX).copied();
        let told = BookTold::new("whole", record, listing, levels);
        BookTold { part: Some(part + 1), parts: Some(parts), ..told }.worded()
    });
    told.collect()
}
