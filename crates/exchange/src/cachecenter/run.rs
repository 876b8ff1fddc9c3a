//! Following the log, and what happens by the clock: tickers that slide, bars that end, snapshots for the shared cache.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Seq, Timestamp};
use allin_core::spot::event::Event;
use allin_runtime::cache::Cache;
use allin_runtime::engine::{Engine, Record};
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use async_trait::async_trait;
use bytes::Bytes;
use prost::Message;
use tokio::time::{Instant, MissedTickBehavior};

use super::center::{Center, lock};
use super::hub::Frame;
use super::message;
use super::standing::{self, Standing};
use crate::catalog::Catalog;
use crate::follow::{Fold, FollowError};
use crate::service::{ServiceError, Stopping};

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
    pub async fn run(self, mut stopping: Stopping) -> Result<(), ServiceError> {
        let config = &self.center.config;
        let ttl = Duration::from_secs(config.publish_ttl_s);
        let mut rounds = tokio::time::interval(Duration::from_millis(config.publish_interval_ms));
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed: Option<Instant> = None;
        loop {
            tokio::select! {
                () = stopping.wait() => {
                    // Else open streams would hold up the stop.
                    self.center.clear();
                    return Ok(());
                }
                _ = rounds.tick() => {}
            }
            if !self.center.progress.caught_up() {
                continue;
            }
            let renews = renewed.is_none_or(|at| at.elapsed() >= ttl / 2);
            if renews {
                renewed = Some(Instant::now());
            }
            if let Err(error) = self.round(renews, ttl).await {
                tracing::warn!(service = self.name, %error, "cannot publish to the cache");
            }
        }
    }

    async fn round(&self, renews: bool, ttl: Duration) -> Result<(), allin_runtime::cache::CacheError> {
        let over = Timestamp(self.center.now().0.saturating_sub(self.center.config.close_grace_ms * 1000));
        for cell in self.center.cells() {
            let mut messages: Vec<(String, Bytes)> = Vec::new();
            {
                let mut cell = lock(&cell);
                cell.close_bars(over);
                let ticker = self.center.ticker(&mut cell);
                let symbol = cell.state.listing.symbol;
                if std::mem::take(&mut cell.ticker_changed) || renews {
                    let frame = Frame::new(ticker);
                    self.center.publish_ticker(&mut cell, &frame);
                    messages.push((format!("{}/ticker/{symbol}", self.name), frame.bytes().clone()));
                }
                if std::mem::take(&mut cell.depth_changed) || renews {
                    let seq = self.center.seq_of(&cell.state);
                    let snapshot = message::snapshot(&cell.state, seq, self.center.config.publish_levels, None);
                    messages.push((format!("{}/depth/{symbol}", self.name), snapshot.encode_to_vec().into()));
                }
            }
            for (key, bytes) in messages {
                self.cache.set(&key, bytes.clone(), ttl).await?;
                self.cache.publish(&key, bytes).await?;
            }
        }
        Ok(())
    }
}
