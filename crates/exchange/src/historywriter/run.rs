//! The event loop: reads ahead, folds, writes in batches while it folds the next, waits out a database that is away.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{AssetId, OrderId, Seq, UserId};
use allin_core::num::Amount;
use allin_runtime::engine::{Batch, BusError, Engine, EventBus};
use allin_runtime::store::{Store, StoreError, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::config::HistoryWriterSection;
use super::error::HistoryError;
use super::flight::{Lane, Retry};
use super::lanes::{Landed, Lanes, Stores};
use super::order::{self, OrderState};
use super::rows::Delta;
use super::state::{Fold, Missing};
use super::sweep::Sweeper;
use crate::follow::{Progress, durable_seq};
use crate::history_schema::SCHEMA;
use crate::history_schema::catalog::Catalog;
use crate::service::{Readiness, Stopping};

/// What the loop is woken by.
enum Input {
    Batch(Arc<Batch>),
    /// Rows have waited long enough.
    Due,
    /// A transaction under way has ended.
    Landed(Result<Landed, HistoryError>),
    /// The bus is closed, or the service stops.
    End,
}

pub(super) struct Writer {
    pub(super) name: &'static str,
    pub(super) config: HistoryWriterSection,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) bus: Arc<dyn EventBus>,
    pub(super) store_url: String,
    pub(super) keep_months: u32,
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
        tables.stores.close().await;
        result
    }

    async fn follow(&mut self, tables: &Tables) -> Result<(), HistoryError> {
        let mut fold = Fold::new(tables.catalog.clone(), tables.from);
        self.tell(&fold, tables.from);
        self.readiness.set(true);
        tracing::info!(service = self.name, position = tables.from.0, "history goes on from here");

        let (sender, mut batches) = mpsc::channel(self.config.batches_ahead_max);
        let reader = read_ahead(self.name, self.bus.clone(), tables.from, sender, self.config.retry_waits());
        let _reader = AbortOnDrop(tokio::spawn(reader));
        let sweeper =
            Sweeper::new(self.name, self.keep_months, tables.stores.state.clone(), tables.stores.months.times());
        let _sweeper = AbortOnDrop(tokio::spawn(sweeper.run()));
        let mut committed = tables.from;
        let mut lanes = Lanes::new(self.name, self.config.clone(), tables.stores.clone(), self.stopping.clone());
        let mut sealed: Option<Delta> = None;
        let mut due: Option<Instant> = None;
        loop {
            // Memory waits for the tables when there is too much in it.
            let may_seal = sealed.is_none() && (lanes.is_idle() || !fold.is_over(self.config.cache_max));
            // Made ready while others are under way, so that it follows at once.
            if may_seal && self.is_full(&fold) {
                (sealed, due) = (seal(&mut fold), None);
            }
            if lanes.has_room()
                && let Some(delta) = sealed.take()
            {
                lanes.take_off(delta);
            }
            let has_room = !self.is_full(&fold);
            let due_now = due.filter(|_| may_seal && lanes.has_room());
            match self.next(&mut batches, due_now, &mut lanes, has_room).await {
                Input::Batch(batch) => {
                    if !self.fold(&tables.stores.state, &mut fold, &batch).await? {
                        return Ok(());
                    }
                    due = due.or_else(|| Some(Instant::now() + self.config.batch_wait()));
                }
                Input::Due => (sealed, due) = (seal(&mut fold), None),
                Input::Landed(landed) => match landed? {
                    Landed::Stopped => return Ok(()),
                    Landed::Told => {}
                    Landed::Whole(to) => {
                        committed = to;
                        if sealed.is_none() && lanes.is_idle() {
                            fold.forget(self.config.cache_max);
                        }
                    }
                },
                Input::End => return self.land(fold, sealed, lanes).await,
            }
            self.tell(&fold, committed);
        }
    }

    fn is_full(&self, fold: &Fold) -> bool {
        fold.rows() >= self.config.batch_rows_max
    }

    /// Writes all that was folded, if the service may wait for that.
    async fn land(&self, mut fold: Fold, sealed: Option<Delta>, mut lanes: Lanes) -> Result<(), HistoryError> {
        let mut rest = [sealed, seal(&mut fold)].into_iter().flatten().peekable();
        while rest.peek().is_some() || !lanes.is_idle() {
            if lanes.has_room()
                && let Some(delta) = rest.next()
            {
                lanes.take_off(delta);
            }
            match lanes.landed().await? {
                Landed::Stopped => return Ok(()),
                Landed::Told => {}
                Landed::Whole(committed) => self.tell(&fold, committed),
            }
        }
        Ok(())
    }

    fn tell(&self, fold: &Fold, committed: Seq) {
        self.progress.tell(fold.seq(), committed);
        self.written.send_if_modified(|written| std::mem::replace(written, committed) != committed);
    }

    /// Waits for no batch while there is no room for its rows.
    async fn next(
        &mut self,
        batches: &mut mpsc::Receiver<Arc<Batch>>,
        due: Option<Instant>,
        lanes: &mut Lanes,
        has_room: bool,
    ) -> Input {
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stopping.wait() => Input::End,
            landed = lanes.landed() => Input::Landed(landed),
            () = wait => Input::Due,
            batch = batches.recv(), if has_room => batch.map_or(Input::End, Input::Batch),
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
                Ok(durable) if tables.told <= durable => return Ok(Some(tables)),
                Ok(durable) => return Err(HistoryError::Ahead { position: tables.told, durable }),
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
}

/// What was folded since the last time, in the order in which it is written; none if nothing was.
fn seal(fold: &mut Fold) -> Option<Delta> {
    if fold.delta.from == fold.delta.to {
        return None;
    }
    let mut delta = fold.seal();
    delta.sort();
    Some(delta)
}

/// The tables, and where they end.
struct Tables {
    stores: Stores,
    from: Seq,
    /// Up to where deals and ledger entries are there: `from`, or beyond where a process ended between the two lanes.
    told: Seq,
    catalog: Catalog,
}

impl Tables {
    async fn open(url: &str) -> Result<Tables, StoreError> {
        let stores = Stores::open(url).await?;
        SCHEMA.apply(&stores.state).await?;
        let mut tx = stores.state.snapshot().await?;
        let from = Lane::State.position().load(&mut tx).await?;
        let told = Lane::Told.position().load(&mut tx).await?;
        let catalog = Catalog::load(&mut tx).await?;
        tx.commit().await?;
        if told < from {
            // A version that knew no lanes went on after the tables were migrated: its transactions had all rows in them.
            let mut tx = stores.state.begin().await?;
            Lane::Told.position().advance(&mut tx, told, from).await?;
            tx.commit().await?;
        }
        Ok(Tables { stores, from, told: told.max(from), catalog })
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
