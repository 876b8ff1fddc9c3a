//! All markets with their subscribers. One writer, the fold; readers hold a market's lock for one copy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use allin_core::candles::Interval;
use allin_core::ids::{MarketId, Seq, Timestamp};
use allin_core::spot::event::Event;
use allin_core::text::Symbol;
use allin_runtime::engine::Record;
use allin_wire::exchange::v1::{DepthUpdate, PushDeal, PushKline, PushTicker};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::book::market_of;
use super::config::CacheCenterSection;
use super::hub::{Frame, Subscription, Topic};
use super::message;
use super::state::{MarketState, Outcome};
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::follow::Progress;

const INTERVALS: usize = Interval::ALL.len();

/// A market and who listens to it.
pub(super) struct Cell {
    pub state: MarketState,
    pub depth: Topic<DepthUpdate>,
    pub deals: Topic<PushDeal>,
    pub klines: [Topic<PushKline>; INTERVALS],
    pub ticker: Topic<PushTicker>,
    /// Start of the bar last told as closed.
    told_closed: [Option<Timestamp>; INTERVALS],
    /// Since the last round of publishing.
    pub depth_changed: bool,
    pub ticker_changed: bool,
}

#[derive(Default)]
struct Markets {
    cells: Vec<Arc<Mutex<Cell>>>,
    places: HashMap<MarketId, usize>,
    by_symbol: HashMap<Symbol, usize>,
}

pub struct Center {
    pub(super) config: CacheCenterSection,
    pub(super) clock: Clock,
    pub(super) progress: Arc<Progress>,
    room: Arc<Semaphore>,
    markets: RwLock<Markets>,
    all_tickers: Mutex<Topic<PushTicker>>,
    /// Time of the newest command.
    time: std::sync::atomic::AtomicU64,
}

impl Center {
    pub(super) fn new(config: CacheCenterSection, clock: Clock, progress: Arc<Progress>) -> Center {
        Center {
            room: Arc::new(Semaphore::new(config.subscribers_max)),
            config,
            clock,
            progress,
            markets: RwLock::default(),
            all_tickers: Mutex::default(),
            time: Default::default(),
        }
    }

    /// Folds the next command. Each market changes in one step; subscribers get its messages in the same.
    pub(super) fn apply(&self, catalog: &Catalog, record: &Record, events: &[Event]) {
        use std::sync::atomic::Ordering;
        let at = Timestamp(self.time.load(Ordering::Relaxed)).max(record.at);
        self.time.store(at.0, Ordering::Relaxed);
        let mut done: Vec<MarketId> = Vec::new();
        for market in events.iter().filter_map(market_of) {
            if done.contains(&market) {
                continue;
            }
            done.push(market);
            let cell = self.cell(market, catalog);
            let mut cell = lock(&cell);
            let concerning = events.iter().filter(|event| market_of(event) == Some(market));
            let outcome = cell.state.apply(record, at, concerning);
            cell.tell(&outcome);
        }
    }

    /// Forgets everything; subscribers are told to come again.
    pub(super) fn clear(&self) {
        *self.markets.write().expect("no holder panics") = Markets::default();
        *self.all_tickers.lock().expect("no holder panics") = Topic::default();
        self.time.store(0, std::sync::atomic::Ordering::Relaxed);
    }

    /// Shows these markets instead of what there was; subscribers are told to come again.
    pub(super) fn replace(&self, states: Vec<MarketState>) {
        self.clear();
        for state in states {
            self.add(state);
        }
    }

    /// Makes the markets known that are listed.
    pub(super) fn open(&self, catalog: &Catalog) {
        for listing in catalog.listings() {
            self.cell(listing.market, catalog);
        }
    }

    fn cell(&self, market: MarketId, catalog: &Catalog) -> Arc<Mutex<Cell>> {
        {
            let markets = self.markets.read().expect("no holder panics");
            if let Some(place) = markets.places.get(&market) {
                return markets.cells[*place].clone();
            }
        }
        let listing = catalog.listing(market).expect("a market is listed before anything happens in it");
        self.add(MarketState::new(*listing, self.config.deals_kept))
    }

    fn add(&self, state: MarketState) -> Arc<Mutex<Cell>> {
        let listing = state.listing;
        let cell = Arc::new(Mutex::new(Cell::new(state)));
        let mut markets = self.markets.write().expect("no holder panics");
        let place = markets.cells.len();
        markets.cells.push(cell.clone());
        markets.places.insert(listing.market, place);
        markets.by_symbol.insert(listing.symbol, place);
        cell
    }

    pub(super) fn cells(&self) -> Vec<Arc<Mutex<Cell>>> {
        self.markets.read().expect("no holder panics").cells.clone()
    }

    /// The market's cell, once the role has caught up.
    pub(super) fn find(&self, symbol: &str) -> Result<Arc<Mutex<Cell>>, Status> {
        self.check_caught_up()?;
        let markets = self.markets.read().expect("no holder panics");
        let place = Symbol::new(symbol).and_then(|symbol| markets.by_symbol.get(&symbol));
        match place {
            Some(place) => Ok(markets.cells[*place].clone()),
            None => Err(Status::not_found("unknown market")),
        }
    }

    pub(super) fn check_caught_up(&self) -> Result<(), Status> {
        match self.progress.caught_up() {
            true => Ok(()),
            false => Err(Status::unavailable("catching up with the log")),
        }
    }

    /// The present, never behind the newest command.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)().max(Timestamp(self.time.load(std::sync::atomic::Ordering::Relaxed)))
    }

    /// The newest sequence that a market's picture holds: all that is folded, and its own newest, which may be ahead.
    pub(super) fn seq_of(&self, state: &MarketState) -> Seq {
        self.progress.folded().max(state.seq)
    }

    fn take_room(&self) -> Result<OwnedSemaphorePermit, Status> {
        let full = |_| Status::resource_exhausted("too many subscribers");
        self.room.clone().try_acquire_owned().map_err(full)
    }

    /// A snapshot, and then every difference.
    pub fn subscribe_depth(&self, symbol: &str) -> Result<Subscription<DepthUpdate>, Status> {
        let cell = self.find(symbol)?;
        let room = self.take_room()?;
        let mut cell = lock(&cell);
        let snapshot = message::snapshot(&cell.state, self.seq_of(&cell.state), usize::MAX, None);
        let first = Frame::new(message::depth_update(snapshot));
        Ok(cell.depth.subscribe(Some(first), self.config.subscriber_queue_max, room))
    }

    /// Every trade from now on.
    pub fn subscribe_deals(&self, symbol: &str) -> Result<Subscription<PushDeal>, Status> {
        let cell = self.find(symbol)?;
        let room = self.take_room()?;
        Ok(lock(&cell).deals.subscribe(None, self.config.subscriber_queue_max, room))
    }

    /// The current bar, and then its changes.
    pub fn subscribe_klines(&self, symbol: &str, interval: Interval) -> Result<Subscription<PushKline>, Status> {
        let cell = self.find(symbol)?;
        let room = self.take_room()?;
        let mut cell = lock(&cell);
        let first = cell.state.bar(interval).map(|bar| {
            let closed = cell.told_closed[interval as usize] == Some(bar.start);
            Frame::new(message::kline(&cell.state, interval, bar, closed))
        });
        Ok(cell.klines[interval as usize].subscribe(first, self.config.subscriber_queue_max, room))
    }

    /// The ticker now, and then its changes; of all markets for an empty symbol.
    pub fn subscribe_tickers(&self, symbol: &str) -> Result<Subscription<PushTicker>, Status> {
        if symbol.is_empty() {
            self.check_caught_up()?;
            let room = self.take_room()?;
            let cells = self.cells();
            // A round of publishing may bring every market at once.
            let queue_max = self.config.subscriber_queue_max + 2 * cells.len();
            let mut all = self.all_tickers.lock().expect("no holder panics");
            let subscription = all.subscribe(None, queue_max, room);
            drop(all);
            // So that the next round does.
            cells.iter().for_each(|cell| lock(cell).ticker_changed = true);
            return Ok(subscription);
        }
        let cell = self.find(symbol)?;
        let room = self.take_room()?;
        let mut cell = lock(&cell);
        let first = Frame::new(self.ticker(&mut cell));
        Ok(cell.ticker.subscribe(Some(first), self.config.subscriber_queue_max, room))
    }

    /// The ticker of this moment.
    pub(super) fn ticker(&self, cell: &mut Cell) -> PushTicker {
        let now = self.now();
        cell.ticker_changed |= cell.state.ticker.advance(now);
        message::ticker(&cell.state, self.seq_of(&cell.state), now)
    }

    pub(super) fn publish_ticker(&self, cell: &mut Cell, frame: &Arc<Frame<PushTicker>>) {
        cell.ticker.publish(frame);
        self.all_tickers.lock().expect("no holder panics").publish(frame);
    }
}

pub(super) fn lock(cell: &Mutex<Cell>) -> MutexGuard<'_, Cell> {
    cell.lock().expect("no holder panics")
}

impl Cell {
    fn new(state: MarketState) -> Cell {
        Cell {
            state,
            depth: Topic::default(),
            deals: Topic::default(),
            klines: std::array::from_fn(|_| Topic::default()),
            ticker: Topic::default(),
            told_closed: [None; INTERVALS],
            depth_changed: true,
            ticker_changed: true,
        }
    }

    /// Messages of one command. Nothing is built for subjects without subscribers.
    fn tell(&mut self, outcome: &Outcome) {
        self.depth_changed |= !outcome.levels.is_empty();
        self.ticker_changed |= outcome.deals > 0;
        if self.depth.has_subscribers() && !outcome.levels.is_empty() {
            self.depth.publish(&Frame::new(message::diff(&self.state, &outcome.levels)));
        }
        if outcome.deals == 0 {
            return;
        }
        if self.deals.has_subscribers() {
            let first = self.state.deals.len() - outcome.deals;
            for deal in self.state.deals.range(first..) {
                self.deals.publish(&Frame::new(message::deal(&self.state.listing, deal)));
            }
        }
        for interval in Interval::ALL {
            let topic = &mut self.klines[interval as usize];
            if !topic.has_subscribers() {
                continue;
            }
            for (_, bar) in outcome.closed.iter().filter(|(of, _)| *of == interval) {
                if self.told_closed[interval as usize] != Some(bar.start) {
                    topic.publish(&Frame::new(message::kline(&self.state, interval, bar, true)));
                }
            }
            let bar = self.state.bar(interval).expect("there was a trade");
            // A late trade of a bar that was told as closed says so again.
            let closed = self.told_closed[interval as usize] == Some(bar.start);
            topic.publish(&Frame::new(message::kline(&self.state, interval, bar, closed)));
        }
    }

    /// Tells bars that are over, though no trade of a later one came.
    pub fn close_bars(&mut self, over: Timestamp) {
        for interval in Interval::ALL {
            let place = interval as usize;
            let topic = &mut self.klines[place];
            if !topic.has_subscribers() || self.state.bar_end(interval) > over {
                continue;
            }
            let Some(bar) = self.state.bar(interval) else { continue };
            if self.told_closed[place] != Some(bar.start) {
                self.told_closed[place] = Some(bar.start);
                topic.publish(&Frame::new(message::kline(&self.state, interval, bar, true)));
            }
        }
    }
}
