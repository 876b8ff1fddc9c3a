//! Books: a client that follows the documented procedure has the engine's book at every event.

use std::collections::{BTreeMap, HashMap};

use allin_core::ids::MarketId;
use allin_core::spot::Spot;
use allin_core::spot::command::Side;
use allin_core::spot::event::Event;
use allin_exchange::catalog::Catalog;
use allin_landry::decimals::{Numbers, Padded};
use allin_testing::twin::random::Commands;
use allin_wire::exchange::v1::DepthRequest;
use serde_json::Value;
use tonic::Request;

use super::world::{Client, World, quick};
use crate::log::Log;

const SEEDS: u64 = 6;
const BEFORE: usize = 300;
const COMMANDS: usize = 1500;
const MARKET: MarketId = MarketId(0);

/// Price to quantity, as text.
type Levels = BTreeMap<String, String>;
type Books = HashMap<u64, [Levels; 2]>;

/// Commands, and the book after each.
struct Flow {
    commands: Commands,
    catalog: Catalog,
    books: Books,
}

fn engine_book(spot: &Spot, catalog: &Catalog) -> [Levels; 2] {
    let Some(listing) = catalog.listing(MARKET) else { return Default::default() };
    let numbers = Numbers::of(listing);
    [Side::Buy, Side::Sell].map(|side| {
        let depth = spot.depth(MARKET, side, usize::MAX);
        depth.iter().map(|level| (numbers.price(level.price), numbers.qty(level.qty.0.into()))).collect()
    })
}

impl Flow {
    fn step(&mut self, log: &Log) {
        let (at, command) = self.commands.next_command();
        let (reply, ()) = log.apply_at(at, command, |_| ());
        self.commands.look(&reply.events);
        for event in &reply.events {
            if let Event::AssetSet(_) | Event::MarketSet(_) = event {
                self.catalog.apply(event);
            }
        }
        let book = log.look(|spot| engine_book(spot, &self.catalog));
        self.books.insert(reply.seq.0, book);
    }
}

/// A local book, kept as Binance describes it ("How to manage a local order book correctly").
#[derive(Default)]
struct Local {
    buffer: Vec<Value>,
    book: Option<(u64, [Levels; 2])>,
    /// `u` of the event before.
    last: Option<u64>,
    applied: usize,
}

fn number(event: &Value, key: &str) -> u64 {
    event[key].as_u64().unwrap_or_else(|| panic!("{key} of {event}"))
}

impl Local {
    /// Steps 4 to 7. False when the snapshot is older than the buffer.
    fn begin(&mut self, snapshot: (u64, [Levels; 2]), books: &Books) -> bool {
        let Some(first) = self.buffer.first() else { return false };
        if snapshot.0 < number(first, "U") {
            return false;
        }
        self.buffer.retain(|event| number(event, "u") > snapshot.0);
        if let Some(first) = self.buffer.first() {
            let (from, to) = (number(first, "U"), number(first, "u"));
            assert!((from..=to + 1).contains(&(snapshot.0 + 1)), "{} is not within {from}..={to}", snapshot.0);
        }
        self.book = Some(snapshot);
        for event in std::mem::take(&mut self.buffer) {
            self.apply(&event, books);
        }
        true
    }

    fn event(&mut self, event: Value, books: &Books) {
        let (from, to) = (number(&event, "U"), number(&event, "u"));
        assert!(from <= to, "{event}");
        if let Some(last) = self.last.replace(to) {
            assert_eq!(from, last + 1, "events follow one another: {event}");
        }
        match self.book.is_some() {
            true => self.apply(&event, books),
            false => self.buffer.push(event),
        }
    }

    fn apply(&mut self, event: &Value, books: &Books) {
        let (seq, sides) = self.book.as_mut().expect("begun");
        let (from, to) = (number(event, "U"), number(event, "u"));
        if to < *seq {
            return;
        }
        assert!(from <= *seq + 1, "events were missed: {seq}, then {event}");
        for (levels, key) in sides.iter_mut().zip(["b", "a"]) {
            for level in event[key].as_array().expect("levels") {
                let [price, qty] = [0, 1].map(|at| level[at].as_str().expect("text").to_owned());
                match qty.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
                    true => drop(levels.remove(&price)),
                    false => drop(levels.insert(price, qty)),
                }
            }
        }
        *seq = to;
        self.applied += 1;
        assert_eq!(*sides, books[&to], "the book at {to}");
    }
}

async fn snapshot(world: &World, symbol: &str) -> (u64, [Levels; 2]) {
    let request = DepthRequest { market: symbol.to_owned(), limit: 5000, merge: String::new() };
    let depth = world.center.api.depth(Request::new(request)).await.expect("answers").into_inner();
    let side = |levels: Vec<allin_wire::exchange::v1::Level>| {
        levels.into_iter().map(Padded::padded).map(|level| (level.price, level.qty)).collect::<Levels>()
    };
    (depth.seq, [side(depth.bids), side(depth.asks)])
}

/// A client that began to listen, and the sequence at which it takes its snapshot.
struct Listener {
    client: Client,
    local: Local,
    snapshot_at: usize,
}

async fn run(seed: u64, apart: bool) -> usize {
    let log = Log::new(super::super::listed::T0);
    let mut flow = Flow { commands: Commands::new(seed), catalog: Catalog::default(), books: Books::new() };
    (0..BEFORE).for_each(|_| flow.step(&log));
    let world = if apart { World::apart(log).await } else { World::with(log, quick()).await };
    let symbol = flow.catalog.listing(MARKET).expect("listed").symbol.to_string();
    let name = symbol.to_ascii_lowercase();
    let mut listeners = Vec::new();
    for nth in 0..COMMANDS {
        // One from the beginning, one on a stream that runs already, one on the slower stream.
        let target = match nth {
            0 | 500 => Some(format!("/ws/{name}@depth@100ms")),
            700 => Some(format!("/ws/{name}@depth")),
            _ => None,
        };
        if let Some(target) = target {
            let client = world.client(&target).await;
            listeners.push(Listener { client, local: Local::default(), snapshot_at: nth + 60 });
        }
        flow.step(&world.log);
        // Some time for the streams, so that an event has few changes.
        if nth % 4 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        for listener in &mut listeners {
            if nth < listener.snapshot_at || listener.local.book.is_some() {
                continue;
            }
            while listener.local.buffer.is_empty() {
                // Something has to change for the first event to come.
                flow.step(&world.log);
                tokio::task::yield_now().await;
                let next = tokio::time::timeout(std::time::Duration::from_millis(1), listener.client.json()).await;
                if let Ok(event) = next {
                    listener.local.event(event, &flow.books);
                }
            }
            while !listener.local.begin(snapshot(&world, &symbol).await, &flow.books) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    }
    let newest = (1..=world.log.seq().0).rev().find(|seq| flow.books[seq] != flow.books[&(seq - 1)]).expect("changes");
    let mut applied = 0;
    for Listener { mut client, mut local, .. } in listeners {
        while local.book.as_ref().is_none_or(|(seq, _)| *seq < newest) {
            let event = client.json().await;
            local.event(event, &flow.books);
        }
        applied += local.applied;
        assert_eq!(local.book.expect("begun").1, flow.books[&world.log.seq().0], "seed {seed}, at the end");
    }
    world.stop().await;
    applied
}

#[tokio::test]
async fn snapshot_and_differences_are_the_book_of_the_engine() {
    for apart in [false, true] {
        let mut applied = 0;
        for seed in 1..=SEEDS {
            applied += run(seed, apart).await;
        }
        assert!(applied > 500, "{applied} events, apart: {apart}");
    }
}

#[tokio::test]
async fn partial_books_and_best_prices() {
    use crate::listed::{ALICE, cancel, done, limit, listed};
    use allin_core::spot::command::Command;
    let world = World::new(listed()).await;
    let mut partial = world.client("/ws/btcusdt@depth5@100ms").await;
    let mut best = world.client("/ws/btcusdt@bookTicker").await;
    let empty = partial.json().await;
    assert_eq!((&empty["bids"], &empty["asks"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(best.json().await["b"], "0.00000000");
    for price in 990..=999 {
        done(&world.log, Command::Place(limit(ALICE, Side::Buy, price, 100, "")));
        done(&world.log, Command::Place(limit(ALICE, Side::Sell, price + 100, 200, "")));
    }
    let seq = world.log.seq().0;
    let top = partial.until(|message| message["lastUpdateId"] == seq).await;
    let row = |price: &str, qty: &str| serde_json::json!([price, qty]);
    assert_eq!(top["bids"].as_array().expect("levels").len(), 5);
    assert_eq!(top["bids"][0], row("9.99000000", "0.00100000"));
    assert_eq!(top["bids"][4], row("9.95000000", "0.00100000"));
    assert_eq!(top["asks"][0], row("10.90000000", "0.00200000"));
    let ticker = best.until(|message| message["b"] == "9.99000000").await;
    assert_eq!((&ticker["s"], &ticker["B"]), (&"BTCUSDT".into(), &"0.00100000".into()));
    assert_eq!((&ticker["a"], &ticker["A"]), (&"10.90000000".into(), &"0.00200000".into()));
    assert_eq!(ticker["u"], seq - 1, "the order that became the best");
    // A change away from the best is none of the ticker's.
    done(&world.log, cancel(ALICE, 1));
    done(&world.log, cancel(ALICE, 19));
    let next = best.json().await;
    assert_eq!((&next["b"], &next["u"]), (&"9.98000000".into(), &world.log.seq().0.into()));
    // Who comes later is told the present.
    let mut late = world.client("/stream?streams=btcusdt@depth20/!bookTicker").await;
    let told = late.until(|message| message["stream"] == "btcusdt@depth20").await;
    assert_eq!(told["data"]["bids"].as_array().expect("levels").len(), 8);
    world.stop().await;
}
