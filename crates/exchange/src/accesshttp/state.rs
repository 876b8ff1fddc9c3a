//! The assets and markets by symbol, kept up to date from the bus, so that no request has to ask the engine for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use allin_core::ids::{AssetId, Seq};
use allin_core::spot::command::Command;
use allin_core::spot::event::Event;
use allin_core::spot::spec::{AssetSpec, MarketSpec};
use allin_core::spot::view::MarketView;
use allin_core::text::Symbol;
use allin_runtime::engine::{AnswerBody, Batch, Engine, Query};
use tokio::sync::Mutex;

use super::error::Failure;

/// What a request needs to know of a market. Symbols and scales never change; the filters may.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarketInfo {
    pub spec: MarketSpec,
    pub base: AssetSpec,
    pub quote: AssetSpec,
}

impl MarketInfo {
    pub fn symbol(&self) -> &str {
        self.spec.symbol.as_str()
    }
}

#[derive(Default)]
struct Listed {
    /// Everything up to this sequence is in.
    as_of: Seq,
    assets: Vec<Arc<AssetSpec>>,
    asset_by_symbol: HashMap<Symbol, usize>,
    markets: Vec<Arc<MarketInfo>>,
    market_by_symbol: HashMap<Symbol, usize>,
}

/// The table. A symbol that it lacks is looked for in the engine before it is called unknown, so that a market can be
/// traded as soon as its listing is acknowledged.
pub(super) struct Tables {
    engine: Arc<dyn Engine>,
    listed: RwLock<Listed>,
    reload: Mutex<()>,
    /// Reloads begun so far.
    reloads: AtomicU64,
    loaded: AtomicBool,
}

impl Tables {
    pub fn new(engine: Arc<dyn Engine>) -> Tables {
        Tables {
            engine,
            listed: RwLock::default(),
            reload: Mutex::new(()),
            reloads: AtomicU64::new(0),
            loaded: AtomicBool::new(false),
        }
    }

    pub async fn asset(&self, symbol: &str) -> Result<Option<Arc<AssetSpec>>, Failure> {
        self.find(symbol, |listed, symbol| listed.asset_by_symbol.get(symbol).map(|at| listed.assets[*at].clone()))
            .await
    }

    pub async fn market(&self, symbol: &str) -> Result<Option<Arc<MarketInfo>>, Failure> {
        self.find(symbol, |listed, symbol| listed.market_by_symbol.get(symbol).map(|at| listed.markets[*at].clone()))
            .await
    }

    /// The engine was reached once.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    pub fn assets(&self) -> Vec<Arc<AssetSpec>> {
        self.read().assets.clone()
    }

    pub fn markets(&self) -> Vec<Arc<MarketInfo>> {
        self.read().markets.clone()
    }

    /// Asks the engine. Callers that come while a question is under way share the next one.
    pub async fn reload(&self) -> Result<Seq, Failure> {
        let begun = self.reloads.load(Ordering::Acquire);
        let _turn = self.reload.lock().await;
        if self.reloads.load(Ordering::Acquire) > begun {
            return Ok(self.read().as_of);
        }
        self.reloads.fetch_add(1, Ordering::AcqRel);
        let assets = self.engine.query(Query::Assets).await?;
        let markets = self.engine.query(Query::Markets).await?;
        let (AnswerBody::Assets(asset_specs), AnswerBody::Markets(views)) = (assets.body, markets.body) else {
            return Err(Failure::unexpected("assets and markets"));
        };
        // A market's assets are listed before it; one that came between the two questions comes with the next.
        let views = views.iter().filter(|view| view.spec.quote.0.max(view.spec.base.0) < asset_specs.len() as u32);
        let mut listed = Listed { as_of: assets.seq.min(markets.seq), ..Listed::default() };
        asset_specs.iter().for_each(|spec| listed.set_asset(*spec));
        views.for_each(|view: &MarketView| listed.set_market(view.spec));
        let mut current = self.write();
        if listed.as_of >= current.as_of {
            *current = listed;
        }
        self.loaded.store(true, Ordering::Release);
        Ok(current.as_of)
    }

    /// Takes in what the bus tells.
    pub fn apply(&self, batch: &Batch) {
        let lists = |command: &Command| matches!(command, Command::SetAsset(_) | Command::SetMarket(_));
        if !batch.records.iter().any(|record| lists(&record.command)) {
            return;
        }
        let mut listed = self.write();
        for (record, events) in batch.iter() {
            if record.seq <= listed.as_of {
                continue;
            }
            for event in events {
                match event {
                    Event::AssetSet(spec) => listed.set_asset(*spec),
                    Event::MarketSet(spec) => listed.set_market(*spec),
                    _ => {}
                }
            }
        }
        listed.as_of = listed.as_of.max(batch.last_seq().unwrap_or_default());
    }

    async fn find<T>(&self, symbol: &str, look: impl Fn(&Listed, &Symbol) -> Option<T>) -> Result<Option<T>, Failure> {
        let Some(symbol) = Symbol::new(symbol).filter(is_symbol) else {
            return Ok(None);
        };
        if let Some(found) = look(&self.read(), &symbol) {
            return Ok(Some(found));
        }
        self.reload().await?;
        Ok(look(&self.read(), &symbol))
    }

    // A panic while the lock is held cannot leave the table half changed in a way that matters: every write is one
    // insertion or a swap.
    fn read(&self) -> RwLockReadGuard<'_, Listed> {
        self.listed.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Listed> {
        self.listed.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    /// Ids are dense and come in order; a known one changes.
    fn set_asset(&mut self, spec: AssetSpec) {
        let at = spec.id.0 as usize;
        self.asset_by_symbol.insert(spec.symbol, at);
        match self.assets.get_mut(at) {
            Some(known) => *known = Arc::new(spec),
            None => self.assets.push(Arc::new(spec)),
        }
    }

    fn set_market(&mut self, spec: MarketSpec) {
        let at = spec.id.0 as usize;
        let asset = |id: AssetId| self.assets.get(id.0 as usize).map(|asset| **asset);
        let (Some(base), Some(quote)) = (asset(spec.base), asset(spec.quote)) else {
            return;
        };
        let info = Arc::new(MarketInfo { spec, base, quote });
        self.market_by_symbol.insert(spec.symbol, at);
        match self.markets.get_mut(at) {
            Some(known) => *known = info,
            None => self.markets.push(info),
        }
    }
}

/// Could be a symbol: spares the engine the questions about what cannot.
fn is_symbol(symbol: &Symbol) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    !symbol.is_empty() && symbol.as_bytes().iter().all(allowed)
}
