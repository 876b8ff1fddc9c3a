//! Following the log: fold into memory, store in batches.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use allin_core::ids::{MarketId, Seq};
use allin_core::spot::event::Event;
use allin_runtime::engine::{Engine, Record};
use async_trait::async_trait;

use super::config::MarketPriceSection;
use super::state::State;
use super::store::{Cleared, Tables};
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::follow::{Fold, FollowError, Progress};

/// What the fold writes and the questions read. The state's lock is held for one command, or for one copy.
pub(super) struct Shared {
    pub config: MarketPriceSection,
    pub clock: Clock,
    pub progress: Arc<Progress>,
    state: RwLock<State>,
    tables: RwLock<Option<Tables>>,
}

pub(super) struct PriceFold {
    pub name: &'static str,
    pub engine: Arc<dyn Engine>,
    pub store_url: String,
    pub shared: Arc<Shared>,
    committed: Seq,
    cleared: Cleared,
}

impl Shared {
    pub fn new(config: MarketPriceSection, clock: Clock, progress: Arc<Progress>) -> Shared {
        Shared { config, clock, progress, state: RwLock::default(), tables: RwLock::default() }
    }

    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("no holder panics")
    }

    /// `None` while the store is away.
    pub fn tables(&self) -> Option<Tables> {
        self.tables.read().expect("no holder panics").clone()
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("no holder panics")
    }

    fn set_tables(&self, tables: Option<Tables>) -> Option<Tables> {
        std::mem::replace(&mut *self.tables.write().expect("no holder panics"), tables)
    }
}

impl PriceFold {
    pub fn new(name: &'static str, engine: Arc<dyn Engine>, store_url: String, shared: Arc<Shared>) -> PriceFold {
        PriceFold { name, engine, store_url, shared, committed: Seq(0), cleared: Cleared::new() }
    }

    /// The store, opened anew: it may have been removed.
    async fn open(&self) -> Result<Tables, FollowError> {
        if let Some(before) = self.shared.set_tables(None) {
            before.close().await;
        }
        Ok(Tables::open(&self.store_url, self.name).await?)
    }
}

#[async_trait]
impl Fold for PriceFold {
    async fn load(&mut self, durable: Seq) -> Result<Seq, FollowError> {
        let catalog = Catalog::of(&*self.engine).await?;
        let tables = self.open().await?;
        let mut position = tables.position().await?;
        if position > durable {
            tracing::warn!(
                service = self.name,
                position = position.0,
                durable = durable.0,
                "the store is ahead of the log, so it is another log's: rebuilt"
            );
            tables.reset(position).await?;
            position = Seq(0);
        }
        let markets: Vec<MarketId> = catalog.listings().map(|listing| listing.market).collect();
        let stored = tables.newest(&markets).await?;
        *self.shared.state_mut() = State::new(catalog, position, stored);
        self.shared.set_tables(Some(tables));
        self.committed = position;
        self.cleared.clear();
        Ok(position)
    }

    fn apply(&mut self, record: &Record, events: &[Event]) {
        self.shared.state_mut().apply(record, events);
    }

    async fn commit(&mut self) -> Result<(), FollowError> {
        let tables = self.shared.tables().ok_or("the store is away")?;
        if !tables.is_present() {
            return Err("the store was removed".into());
        }
        let changes = self.shared.state().changes();
        tables.commit(self.committed, &changes, &self.shared.config, &mut self.cleared).await?;
        self.committed = changes.seq;
        self.shared.state_mut().stored();
        Ok(())
    }
}
