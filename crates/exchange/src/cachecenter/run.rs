//! Following the log, and what happens by the clock: tickers that slide, bars that end, snapshots for the shared cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allin_core::ids::{Seq, Timestamp};
use allin_core::spot::event::Event;
use allin_runtime::cache::{Cache, CacheError};
use allin_runtime::engine::{Engine, Record};
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::center::{Center, lock};
use super::hub::Frame;
use super::message;
use super::standing::{self, Standing};
use crate::catalog::Catalog;
use crate::follow::{Fold, FollowError};
use crate::service::{ServiceError, Stopping};

/// Values that are on their way to the cache at once.
const WRITES_AT_ONCE: usize = 32;

/// Nothing is stored: a start takes up what stands, and a lost subscription goes on where it was.
pub(super) struct BookFold {
    engine: Arc<dyn Engine>,
    prices: Arc<dyn MarketPrice>,
    center: Arc<Center>,
    catalog: Catalog,
    seq: Seq,
    whole_from: Seq,
    /// Where the last life began.
    began: Option<Seq>,
}

impl BookFold {
    pub fn new(engine: Arc<dyn Engine>, prices: Arc<dyn MarketPrice>, center: Arc<Center>) -> BookFold {
        let catalog = Catalog::default();
        BookFold { engine, prices, center, catalog, seq: Seq(0), whole_from: Seq(0), began: None }
    }

    /// Takes up what stands at the engine and at marketprice, instead of whatever was here.
    async fn take_up(&mut self, durable: Seq) -> Result<(), FollowError> {
        self.began = None;
        self.center.progress.fall_behind();
        self.center.clear();
        let Standing { catalog, states, position, whole_from } =
            standing::ask(durable, &*self.engine, &*self.prices, &self.center.config).await?;
        self.center.replace(states);
        (self.catalog, self.seq, self.whole_from) = (catalog, position, whole_from);
        Ok(())
    }
}

#[async_trait]
impl Fold for BookFold {
    async fn load(&mut self, durable: Seq) -> Result<Seq, FollowError> {
        // A life that got nowhere: the log may have been trimmed up to beyond this place.
        let stuck = self.began == Some(self.seq);
        if self.began.is_none() || stuck || self.seq > durable {
            self.take_up(durable).await?;
        }
        self.began = Some(self.seq);
        Ok(self.seq)
    }

    fn whole_from(&self) -> Seq {
        self.whole_from
    }

    fn apply(&mut self, record: &Record, events: &[Event]) {
        for event in events {
            if let Event::AssetSet(_) | Event::MarketSet(_) = event {
                self.catalog.apply(event);
                self.center.open(&self.catalog);
            }
        }
        self.center.apply(&self.catalog, record, events);
        self.seq = record.seq;
    }

    async fn commit(&mut self) -> Result<(), FollowError> {
        Ok(())
    }
}

/// What goes into the shared cache: under `<service>/depth/<market>` and `<service>/ticker/<market>`, as value and as
/// message, in protobuf (`DepthSnapshot`, `PushTicker`).
pub(super) struct Publisher {
    pub name: &'static str,
    pub center: Arc<Center>,
    pub cache: Arc<dyn Cache>,
}

impl Publisher {
    /// Pushes and publishes. The cache has a task of its own: while it is slow or away, subscribers are served all the same.
    pub async fn run(self, mut stopping: Stopping) -> Result<(), ServiceError> {
        let Publisher { name, center, cache } = self;
        let ttl = Duration::from_secs(center.config.publish_ttl_s);
        let (batches, received) = mpsc::channel(1);
        let is_behind = AtomicBool::new(false);
        let rounds = rounds(name, &center, batches, &is_behind, ttl / 2);
        let writes = write(name, &*cache, received, &is_behind, ttl);
        tokio::select! {
            () = stopping.wait() => {}
            ((), ()) = async { tokio::join!(rounds, writes) } => {}
        }
        // Else open streams would hold up the stop.
        center.clear();
        Ok(())
    }
}

/// Values, which are messages as well, by their keys.
type Values = Vec<(String, Bytes)>;

async fn rounds(name: &str, center: &Center, batches: mpsc::Sender<Values>, is_behind: &AtomicBool, renewal: Duration) {
    let mut rounds = tokio::time::interval(Duration::from_millis(center.config.publish_interval_ms));
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewed: Option<Instant> = None;
    loop {
        rounds.tick().await;
        if !center.progress.caught_up() {
            continue;
        }
        let is_due = renewed.is_none_or(|at| at.elapsed() >= renewal);
        if is_due {
            renewed = Some(Instant::now());
        }
        // What the cache did not take is not lost: all of it comes again once it takes something.
        let free = batches.try_reserve().ok();
        let all = free.is_some() && is_behind.swap(false, Ordering::Relaxed);
        let values = round(name, center, is_due, all);
        match free {
            Some(place) => place.send(values),
            None => is_behind.store(true, Ordering::Relaxed),
        }
    }
}

/// Pushes what has changed or `is_due`, and gives what the cache is to have: the same, or all.
fn round(name: &str, center: &Center, is_due: bool, all: bool) -> Values {
    let over = Timestamp(center.now().0.saturating_sub(center.config.close_grace_ms * 1000));
    let mut values = Values::new();
    for cell in center.cells() {
        let mut cell = lock(&cell);
        cell.close_bars(over);
        let ticker = center.ticker(&mut cell);
        let symbol = cell.state.listing.symbol;
        let pushes = std::mem::take(&mut cell.ticker_changed) || is_due;
        if pushes || all {
            let frame = Frame::new(ticker);
            if pushes {
                center.publish_ticker(&mut cell, &frame);
            }
            values.push((format!("{name}/ticker/{symbol}"), frame.bytes().clone()));
        }
        if std::mem::take(&mut cell.depth_changed) || is_due || all {
            let seq = center.seq_of(&cell.state);
            let snapshot = message::snapshot(&cell.state, seq, center.config.publish_levels, None);
            values.push((format!("{name}/depth/{symbol}"), snapshot.encode_to_vec().into()));
        }
    }
    values
}

async fn write(
    name: &str,
    cache: &dyn Cache,
    mut batches: mpsc::Receiver<Values>,
    is_behind: &AtomicBool,
    ttl: Duration,
) {
    let mut is_failing = false;
    while let Some(values) = batches.recv().await {
        let one = |(key, value): (String, Bytes)| async move {
            cache.set(&key, value.clone(), ttl).await?;
            cache.publish(&key, value).await
        };
        let values = stream::iter(values.into_iter().map(Ok::<_, CacheError>));
        let written = values.try_for_each_concurrent(WRITES_AT_ONCE, one).await;
        if let Err(error) = &written {
            is_behind.store(true, Ordering::Relaxed);
            if !is_failing {
                tracing::warn!(service = name, %error, "cannot publish to the cache");
            }
        }
        is_failing = written.is_err();
    }
}
