//! What is known from the bus, so that no request has to ask for it: the assets and markets by symbol, and what orders
//! have paid.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use allin_core::ids::{AssetId, OrderId, Seq};
use allin_core::num::Amount;
use allin_core::spot::command::Command;
use allin_core::spot::event::{Event, Trade};
use allin_core::spot::spec::{AssetSpec, MarketSpec};
use allin_core::spot::view::MarketView;
use allin_core::text::Symbol;
use allin_runtime::engine::{AnswerBody, Batch, Engine, Query};
use tokio::sync::watch;

use super::error::Failure;
use super::fees::Fees;

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
    assets: Vec<Arc<AssetSpec>>,
    asset_by_symbol: HashMap<Symbol, usize>,
    markets: Vec<Arc<MarketInfo>>,
    market_by_symbol: HashMap<Symbol, usize>,
}

/// The table. A symbol that it lacks is called unknown only when everything durable by then has come over the bus, so
/// that a market can be traded as soon as its listing is acknowledged.
pub(super) struct Tables {
    engine: Arc<dyn Engine>,
    listed: RwLock<Listed>,
    fees: RwLock<Fees>,
    /// The table holds everything up to this sequence; none before the first load.
    as_of: watch::Sender<Option<Seq>>,
}

/// How long a question about an unknown symbol waits for the bus.
const BUS_WAIT_MAX: Duration = Duration::from_millis(500);

impl Tables {
    pub fn new(engine: Arc<dyn Engine>) -> Tables {
        Tables { engine, listed: RwLock::default(), fees: RwLock::default(), as_of: watch::channel(None).0 }
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
        self.as_of.borrow().is_some()
    }

    pub fn assets(&self) -> Vec<Arc<AssetSpec>> {
        self.read().assets.clone()
    }

    pub fn markets(&self) -> Vec<Arc<MarketInfo>> {
        self.read().markets.clone()
    }

    /// Asks the engine for everything; the bus goes on from the sequence that this gives. Not for requests: the engine
    /// looks at every market for it.
    pub async fn load(&self) -> Result<Seq, Failure> {
        // In this order, every market's assets are among the assets.
        let markets = self.engine.query(Query::Markets).await?;
        let assets = self.engine.query(Query::Assets).await?;
        let (AnswerBody::Assets(asset_specs), AnswerBody::Markets(views)) = (assets.body, markets.body) else {
            return Err(Failure::unexpected("assets and markets"));
        };
        let mut listed = Listed::default();
        asset_specs.iter().for_each(|spec| listed.set_asset(*spec));
        views.iter().for_each(|view: &MarketView| listed.set_market(view.spec));
        *self.write() = listed;
        // From here on there is no gap: fees of orders that are open by now are for history to tell.
        *self.fees_mut() = Fees::default();
        let as_of = assets.seq.min(markets.seq);
        self.as_of.send_replace(Some(as_of));
        Ok(as_of)
    }

    /// Takes in what the bus tells.
    pub fn apply(&self, batch: &Batch) {
        let lists = |command: &Command| matches!(command, Command::SetAsset(_) | Command::SetMarket(_));
        for (_, events) in batch.iter().filter(|(record, _)| lists(&record.command)) {
            let mut listed = self.write();
            for event in events {
                match event {
                    Event::AssetSet(spec) => listed.set_asset(*spec),
                    Event::MarketSet(spec) => listed.set_market(*spec),
                    _ => {}
                }
            }
        }
        let listed = self.read();
        let pair = |trade: &Trade| {
            listed.markets.get(trade.market.0 as usize).map(|market| (market.spec.base, market.spec.quote))
        };
        let mut fees = self.fees_mut();
        batch.events.iter().for_each(|event| fees.apply(event, pair));
        drop(fees);
        drop(listed);
        if let Some(last) = batch.last_seq() {
            self.as_of.send_replace(Some(last));
        }
    }

    /// Returns when everything that is durable now is in the table; or after a while, with what is in it.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        let AnswerBody::Status { durable, .. } = self.engine.query(Query::Status).await?.body else {
            return Err(Failure::unexpected("the engine's status"));
        };
        if !self.reaches(durable).await {
            tracing::warn!(durable = durable.0, "the bus is behind; markets listed of late are unknown");
        }
        Ok(())
    }

    /// What an order has paid by `seq` or later, in the asset that it receives; none when the bus does not know.
    pub async fn fee(&self, order: OrderId, seq: Seq) -> Option<Amount> {
        if !self.reaches(seq).await {
            return None;
        }
        self.fees.read().unwrap_or_else(PoisonError::into_inner).of(order)
    }

    /// Waits for the bus to get there, but not for long.
    async fn reaches(&self, seq: Seq) -> bool {
        let mut as_of = self.as_of.subscribe();
        let reached = as_of.wait_for(|as_of| as_of.is_some_and(|as_of| as_of >= seq));
        tokio::time::timeout(BUS_WAIT_MAX, reached).await.is_ok()
    }

    async fn find<T>(&self, symbol: &str, look: impl Fn(&Listed, &Symbol) -> Option<T>) -> Result<Option<T>, Failure> {
        let Some(symbol) = Symbol::new(symbol).filter(is_symbol) else {
            return Ok(None);
        };
        if let Some(found) = look(&self.read(), &symbol) {
            return Ok(Some(found));
        }
        self.catch_up().await?;
        Ok(look(&self.read(), &symbol))
    }

    // A panic while the lock is held cannot leave the table half changed in a way that matters: every write is one
    // insertion or a swap.
    fn read(&self) -> RwLockReadGuard<'_, Listed> {
        self.listed.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn fees_mut(&self) -> RwLockWriteGuard<'_, Fees> {
        self.fees.write().unwrap_or_else(PoisonError::into_inner)
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
            // Assets are listed before their markets.
            tracing::error!(market = %spec.symbol, "a market over assets that are not listed");
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
