//! The event loop: reads ahead, folds, writes in batches, waits out a database that is away.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{AssetId, OrderId, Seq, UserId};
use allin_core::num::Amount;
use allin_runtime::engine::{Batch, BusError, EventBus};
use allin_runtime::store::{Position, Store, StoreError, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::NAME;
use super::config::Config;
use super::error::HistoryError;
use super::order::{self, OrderState};
use super::state::{Fold, Missing};
use crate::history_schema::catalog::Catalog;
use crate::history_schema::{CONSUMER, MIGRATIONS, NAMESPACE};
use crate::service::{Readiness, Stopping};

/// What the loop is woken by.
enum Input {
    Batch(Arc<Batch>),
    /// Rows have waited long enough.
    Due,
    /// The bus is closed, or the service stops.
    End,
}

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) bus: Arc<dyn EventBus>,
    pub(super) config: Config,
    pub(super) written: watch::Sender<Seq>,
    pub(super) stopping: Stopping,
    pub(super) readiness: Readiness,
}

impl Writer {
    pub(super) async fn run(mut self) -> Result<(), HistoryError> {
        let position = Position::new(CONSUMER);
        let Some((from, catalog)) = self.open(&position).await? else {
            return Ok(());
        };
        self.written.send_replace(from);
        self.readiness.set(true);
        tracing::info!(service = NAME, seq = from.0, "history goes on from here");

        let (sender, mut batches) = mpsc::channel(self.config.batches_ahead_max);
        let reader = read_ahead(self.bus.clone(), from, sender, self.config.clone());
        let reader = AbortOnDrop(tokio::spawn(reader));
        let mut fold = Fold::new(catalog, from);
        let mut due: Option<Instant> = None;
        loop {
            let input = self.next(&mut batches, due).await;
            if let Input::Batch(batch) = &input {
                if !self.fold(&mut fold, batch).await? {
                    return Ok(());
                }
                if due.is_none() {
                    due = Some(Instant::now() + self.config.batch_wait);
                }
            }
            // Nothing is written unless there is something to write: ending in the middle is always safe.
            let full = fold.rows() >= self.config.batch_rows_max;
            if full || !matches!(input, Input::Batch(_)) {
                if !self.write(&mut fold, &position).await? {
                    return Ok(());
                }
                due = None;
            }
            if matches!(input, Input::End) {
                drop(reader);
                return Ok(());
            }
        }
    }

    async fn next(&mut self, batches: &mut mpsc::Receiver<Arc<Batch>>, due: Option<Instant>) -> Input {
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stopping.wait() => Input::End,
            () = wait => Input::Due,
            batch = batches.recv() => batch.map_or(Input::End, Input::Batch),
        }
    }

    /// Tables, position and catalogue; none when the service was stopped meanwhile.
    async fn open(&mut self, position: &Position) -> Result<Option<(Seq, Catalog)>, HistoryError> {
        let mut retry = Retry::new(&self.config, "open");
        loop {
            match open(&self.store, position).await {
                Ok(opened) => return Ok(Some(opened)),
                Err(error) => {
                    if !retry.wait(error.into(), &mut self.stopping).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// False when the service was stopped meanwhile.
    async fn fold(&mut self, fold: &mut Fold, batch: &Batch) -> Result<bool, HistoryError> {
        let missing = fold.missing(batch);
        if !missing.is_empty() {
            let mut retry = Retry::new(&self.config, "read");
            loop {
                match load(&self.store, &fold.catalog, &missing).await {
                    Ok((orders, totals)) => {
                        fold.remember(&missing, orders, totals);
                        break;
                    }
                    Err(error) => {
                        if !retry.wait(error.into(), &mut self.stopping).await? {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        for (record, events) in batch.iter() {
            fold.apply(record, events)?;
        }
        Ok(true)
    }

    /// Writes what was folded since the last time; false when the service was stopped before it could.
    async fn write(&mut self, fold: &mut Fold, position: &Position) -> Result<bool, HistoryError> {
        if fold.delta.from == fold.delta.to {
            return Ok(true);
        }
        fold.seal();
        let rows = fold.delta.len();
        let started = Instant::now();
        let mut retry = Retry::new(&self.config, "write");
        loop {
            match fold.delta.write(&self.store, position).await {
                Ok(()) => break,
                Err(error) => {
                    if !retry.wait(error, &mut self.stopping).await? {
                        return Ok(false);
                    }
                }
            }
        }
        metrics::counter!("history_rows_written", "service" => NAME).increment(rows as u64);
        metrics::histogram!("history_write_us", "service" => NAME).record(started.elapsed().as_secs_f64() * 1e6);
        fold.written(self.config.cache_max);
        self.written.send_replace(fold.seq());
        Ok(true)
    }
}

/// Growing waits while the database is away.
struct Retry {
    doing: &'static str,
    wait: Duration,
    wait_max: Duration,
}

impl Retry {
    fn new(config: &Config, doing: &'static str) -> Self {
        Self { doing, wait: config.retry_min, wait_max: config.retry_max }
    }

    /// Waits before the next try; false when the service stops. An error that does not pass is given back.
    async fn wait(&mut self, error: HistoryError, stopping: &mut Stopping) -> Result<bool, HistoryError> {
        if !error.passes() {
            return Err(error);
        }
        let wait_ms = self.wait.as_millis() as u64;
        tracing::warn!(service = NAME, doing = self.doing, %error, wait_ms, "the database is away; history lags");
        metrics::counter!("history_retries", "service" => NAME).increment(1);
        tokio::select! {
            () = stopping.wait() => return Ok(false),
            () = tokio::time::sleep(self.wait) => {}
        }
        self.wait = (self.wait * 2).min(self.wait_max);
        Ok(true)
    }
}

async fn open(store: &Store, position: &Position) -> Result<(Seq, Catalog), StoreError> {
    store.migrate(NAMESPACE, MIGRATIONS).await?;
    position.create(store).await?;
    let mut tx = store.snapshot().await?;
    let seq = position.load(&mut tx).await?;
    let catalog = Catalog::load(&mut tx).await?;
    tx.commit().await?;
    Ok((seq, catalog))
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Loaded = (Vec<(OrderId, OrderState)>, Vec<((UserId, AssetId), Amount)>);

async fn load(store: &Store, catalog: &Catalog, missing: &Missing) -> Result<Loaded, StoreError> {
    let mut tx = store.snapshot().await?;
    let keys: Vec<Value> = missing.orders.iter().map(|order| (*order).into()).collect();
    let rows = tx.query_in(order::LOAD, &keys).await?;
    let orders = rows.iter().map(|row| OrderState::from_row(row, catalog)).collect::<Result<_, _>>()?;
    // By user: whoever moves one asset soon moves another, and the primary key begins with the user.
    let mut users: Vec<Value> = missing.totals.iter().map(|(user, _)| (*user).into()).collect();
    users.sort_by_key(|value| format!("{value:?}"));
    users.dedup();
    let select = "SELECT user_id, asset_id, total FROM balances WHERE user_id IN";
    let mut totals = Vec::new();
    for row in tx.query_in(select, &users).await? {
        let key = (UserId(row.unsigned(0)?), AssetId(row.small(1)?));
        if !missing.totals.contains(&key) {
            continue;
        }
        let text = row.text(2)?;
        let amount = catalog.asset(key.1).and_then(|asset| asset.parse(&text).ok());
        let damaged = || StoreError::corrupt(format!("balance of user {} in asset {}", key.0.0, key.1.0));
        totals.push((key, amount.ok_or_else(damaged)?));
    }
    tx.commit().await?;
    Ok((orders, totals))
}

/// Subscribes, and subscribes again when the writer was too slow for the bus. Waiting for room in the queue is what makes
/// it slow; the bus drops it then, and the log has what it missed.
async fn read_ahead(bus: Arc<dyn EventBus>, from: Seq, batches: mpsc::Sender<Arc<Batch>>, config: Config) {
    let mut last = from;
    let mut wait = config.retry_min;
    loop {
        let subscribed = bus.subscribe(NAME, Seq(last.0 + 1)).await;
        let error = match subscribed {
            Err(error) => error,
            Ok(mut subscription) => loop {
                match subscription.next().await {
                    Err(error) => break error,
                    Ok(batch) => {
                        wait = config.retry_min;
                        last = batch.last_seq().unwrap_or(last).max(last);
                        if batches.send(batch).await.is_err() {
                            return;
                        }
                    }
                }
            },
        };
        match error {
            BusError::Closed => return,
            BusError::Behind(_) => tracing::info!(service = NAME, seq = last.0, "catching up from the log"),
            BusError::Log(_) => tracing::warn!(service = NAME, seq = last.0, %error, "cannot catch up yet"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(config.retry_max);
    }
}
