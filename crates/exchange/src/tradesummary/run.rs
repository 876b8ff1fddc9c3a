//! Following the log: fold into memory, store in batches.

use std::sync::{Arc, RwLock};

use allin_core::ids::Seq;
use allin_core::num::Amount;
use allin_core::spot::event::Event;
use allin_runtime::engine::{Batch, Engine, Record};
use async_trait::async_trait;

use super::config::TradeSummarySection;
use super::state::{Row, State};
use super::store::{self, Tables};
use super::volume::Measure;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::follow::{Fold, FollowError, Progress};

/// What the fold gives to the questions and to the tiers, which both read from the store.
pub(super) struct Shared {
    pub clock: Clock,
    pub progress: Arc<Progress>,
    pub measure: Measure,
    tables: RwLock<Option<Tables>>,
    catalog: RwLock<Arc<Catalog>>,
}

pub(super) struct SummaryFold {
    name: &'static str,
    engine: Arc<dyn Engine>,
    store_url: String,
    users_max: usize,
    shared: Arc<Shared>,
    committed: Seq,
    state: State,
}

impl Shared {
    pub fn new(config: &TradeSummarySection, clock: Clock, progress: Arc<Progress>) -> Shared {
        let measure = Measure::new(config);
        Shared { clock, progress, measure, tables: RwLock::default(), catalog: RwLock::default() }
    }

    /// `None` while the store is away.
    pub fn tables(&self) -> Option<Tables> {
        self.tables.read().expect("no holder panics").clone()
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.read().expect("no holder panics").clone()
    }

    /// The tier of a volume; `None` while the asset of the tiers is not listed.
    pub fn tier(&self, volume: Amount) -> Option<u16> {
        let catalog = self.catalog();
        self.measure.asset(&catalog).map(|asset| self.measure.tier(volume, asset.scale))
    }

    fn set_tables(&self, tables: Option<Tables>) -> Option<Tables> {
        std::mem::replace(&mut *self.tables.write().expect("no holder panics"), tables)
    }

    fn set_catalog(&self, catalog: &Catalog) {
        *self.catalog.write().expect("no holder panics") = Arc::new(catalog.clone());
    }
}

impl SummaryFold {
    pub fn new(
        name: &'static str,
        config: &TradeSummarySection,
        engine: Arc<dyn Engine>,
        store_url: String,
        shared: Arc<Shared>,
    ) -> SummaryFold {
        let empty = State::new(Catalog::default(), shared.measure.clone(), Seq(0), Row::default(), Default::default());
        let users_max = config.users_cached_max;
        SummaryFold { name, engine, store_url, users_max, shared, committed: Seq(0), state: empty }
    }
}

#[async_trait]
impl Fold for SummaryFold {
    async fn load(&mut self, durable: Seq) -> Result<Seq, FollowError> {
        let catalog = Catalog::of(&*self.engine).await?;
        if let Some(before) = self.shared.set_tables(None) {
            before.close().await;
        }
        let tables = Tables::open(&self.store_url, self.name).await?;
        let (tx, position) = tables.snapshot().await?;
        tx.commit().await?;
        if position > durable {
            tracing::warn!(
                service = self.name,
                position = position.0,
                durable = durable.0,
                "the store is ahead of the log, so it is another log's: rebuilt"
            );
            tables.reset(position).await?;
        }
        let (mut tx, position) = tables.snapshot().await?;
        let prices = store::prices(&mut tx).await?;
        let (marks, has_begun) = store::marks(&mut tx).await?;
        tx.commit().await?;
        let day = if has_begun { Row::stored(marks.begun) } else { Row::default() };
        self.shared.set_catalog(&catalog);
        self.state = State::new(catalog, self.shared.measure.clone(), position, day, prices);
        self.shared.set_tables(Some(tables));
        self.committed = position;
        Ok(position)
    }

    async fn prepare(&mut self, batch: &Batch) -> Result<(), FollowError> {
        let missing = self.state.missing(batch);
        if missing.is_empty() {
            return Ok(());
        }
        let tables = self.shared.tables().ok_or("the store is away")?;
        for (id, user) in tables.users(&missing).await? {
            self.state.insert(id, user);
        }
        Ok(())
    }

    fn apply(&mut self, record: &Record, events: &[Event]) {
        self.state.apply(record, events);
        if events.iter().any(|event| matches!(event, Event::AssetSet(_) | Event::MarketSet(_))) {
            self.shared.set_catalog(&self.state.catalog);
        }
    }

    async fn commit(&mut self) -> Result<(), FollowError> {
        let tables = self.shared.tables().ok_or("the store is away")?;
        if !tables.is_present() {
            return Err("the store was removed".into());
        }
        let changes = self.state.changes();
        let seq = changes.seq;
        tables.commit(self.committed, &changes).await?;
        self.committed = seq;
        self.state.committed(self.users_max);
        Ok(())
    }
}
