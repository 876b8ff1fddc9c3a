//! The event loop: reads ahead, folds, writes in batches, waits out a database that is away.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{AssetId, OrderId, Seq, UserId};
use allin_core::num::Amount;
use allin_runtime::engine::{Batch, BusError, Engine, EventBus};
use allin_runtime::store::{Position, Store, StoreError, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::config::HistoryWriterSection;
use super::error::HistoryError;
use super::order::{self, OrderState};
use super::state::{Fold, Missing};
use crate::follow::{Progress, durable_seq};
use crate::history_schema::catalog::Catalog;
use crate::history_schema::{CONSUMER, SCHEMA};
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
    pub(super) name: &'static str,
    pub(super) config: HistoryWriterSection,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) bus: Arc<dyn EventBus>,
    pub(super) store_url: String,
    pub(super) progress: Arc<Progress>,
    pub(super) written: watch::Sender<Seq>,
    pub(super) stopping: Stopping,
    pub(super) readiness: Readiness,
}

impl Writer {
    /// Runs until the service stops. What was not written by then is folded again the next time.
    pub(super) async fn run(mut self) -> Result<(), HistoryError> {
        let Some(tables) = self.open().await? else {
            return Ok(());
        };
        let result = self.follow(&tables).await;
        tables.store.close().await;
        result
    }

    async fn follow(&mut self, tables: &Tables) -> Result<(), HistoryError> {
        let mut fold = Fold::new(tables.catalog.clone(), tables.from);
        self.tell(&fold);
        self.readiness.set(true);
        tracing::info!(service = self.name, position = tables.from.0, "history goes on from here");

        let (sender, mut batches) = mpsc::channel(self.config.batches_ahead_max);
        let reader = read_ahead(self.name, self.bus.clone(), tables.from, sender, self.config.retry_waits());
        let _reader = AbortOnDrop(tokio::spawn(reader));
        let mut due: Option<Instant> = None;
        loop {
            let input = self.next(&mut batches, due).await;
            if let Input::Batch(batch) = &input {
                if !self.fold(&tables.store, &mut fold, batch).await? {
                    return Ok(());
                }
                due = due.or_else(|| Some(Instant::now() + self.config.batch_wait()));
            }
            let full = fold.rows() >= self.config.batch_rows_max;
            if full || !matches!(input, Input::Batch(_)) {
                if !self.write(tables, &mut fold).await? {
                    return Ok(());
                }
                due = None;
            }
            self.tell(&fold);
            if matches!(input, Input::End) {
                return Ok(());
            }
        }
    }

    fn tell(&self, fold: &Fold) {
        let committed = fold.delta.from;
        self.progress.tell(fold.seq(), committed);
        self.written.send_if_modified(|written| std::mem::replace(written, committed) != committed);
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

    /// The tables as they were left; none when the service was stopped meanwhile.
    async fn open(&mut self) -> Result<Option<Tables>, HistoryError> {
        let mut retry = self.retry("open");
        let tables = loop {
            match Tables::open(&self.store_url).await {
                Ok(tables) => break tables,
                Err(error) => {
                    if !retry.wait(error.into(), &mut self.stopping).await? {
                        return Ok(None);
                    }
                }
            }
        };
        let mut retry = self.retry("ask the engine");
        loop {
            match durable_seq(&*self.engine).await {
                Ok(durable) if tables.from <= durable => return Ok(Some(tables)),
                Ok(durable) => return Err(HistoryError::Ahead { position: tables.from, durable }),
                Err(error) => {
                    if !retry.wait(HistoryError::Engine(error.to_string()), &mut self.stopping).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn retry(&self, doing: &'static str) -> Retry {
        let (wait, wait_max) = self.config.retry_waits();
        Retry { name: self.name, doing, wait, wait_max }
    }

    /// False when the service was stopped meanwhile.
    async fn fold(&mut self, store: &Store, fold: &mut Fold, batch: &Batch) -> Result<bool, HistoryError> {
        let missing = fold.missing(batch);
        if !missing.is_empty() {
            let mut retry = self.retry("read");
            loop {
                match load(store, &fold.catalog, &missing).await {
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
    async fn write(&mut self, tables: &Tables, fold: &mut Fold) -> Result<bool, HistoryError> {
        if fold.delta.from == fold.delta.to {
            return Ok(true);
        }
        fold.seal();
        let rows = fold.delta.len();
        let started = Instant::now();
        let mut retry = self.retry("write");
        loop {
            match fold.delta.write(&tables.store, &tables.position).await {
                Ok(()) => break,
                Err(error) => {
                    if !retry.wait(error, &mut self.stopping).await? {
                        return Ok(false);
                    }
                }
            }
        }
        let took = started.elapsed().as_micros() as f64;
        metrics::counter!("allin_history_rows_total", "service" => self.name).increment(rows as u64);
        metrics::histogram!("allin_history_write_us", "service" => self.name).record(took);
        fold.written(self.config.cache_max);
        Ok(true)
    }
}

/// Growing waits while the database is away.
struct Retry {
    name: &'static str,
    doing: &'static str,
    wait: Duration,
    wait_max: Duration,
}

impl Retry {
    /// Waits before the next try; false when the service stops. An error that does not pass is given back.
    async fn wait(&mut self, error: HistoryError, stopping: &mut Stopping) -> Result<bool, HistoryError> {
        if !error.passes() {
            return Err(error);
        }
        let wait_ms = self.wait.as_millis() as u64;
        tracing::warn!(service = self.name, doing = self.doing, %error, wait_ms, "history lags");
        metrics::counter!("allin_history_retries_total", "service" => self.name).increment(1);
        tokio::select! {
            () = stopping.wait() => return Ok(false),
            () = tokio::time::sleep(self.wait) => {}
        }
        self.wait = (self.wait * 2).min(self.wait_max);
        Ok(true)
    }
}

/// The tables, and where they end.
struct Tables {
    store: Store,
    position: Position,
    from: Seq,
    catalog: Catalog,
}

impl Tables {
    async fn open(url: &str) -> Result<Tables, StoreError> {
        let (store, position) = (Store::open(url).await?, Position::new(CONSUMER));
        SCHEMA.apply(&store).await?;
        let mut tx = store.snapshot().await?;
        let from = position.load(&mut tx).await?;
        let catalog = Catalog::load(&mut tx).await?;
        tx.commit().await?;
        Ok(Tables { store, position, from, catalog })
    }
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
    let select = "SELECT user_id, asset_id, total FROM history_balances WHERE user_id IN";
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
async fn read_ahead(
    name: &'static str,
    bus: Arc<dyn EventBus>,
    from: Seq,
    batches: mpsc::Sender<Arc<Batch>>,
    (wait_min, wait_max): (Duration, Duration),
) {
    let mut last = from;
    let mut wait = wait_min;
    loop {
        let subscribed = bus.subscribe(name, Seq(last.0 + 1)).await;
        let error = match subscribed {
            Err(error) => error,
            Ok(mut subscription) => loop {
                match subscription.next().await {
                    Err(error) => break error,
                    Ok(batch) => {
                        wait = wait_min;
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
            BusError::Behind(_) => tracing::info!(service = name, seq = last.0, "catching up from the log"),
            BusError::Log(_) => tracing::warn!(service = name, seq = last.0, %error, "cannot catch up yet"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(wait_max);
    }
}
