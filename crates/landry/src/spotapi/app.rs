//! What every handler has at hand.

use std::sync::Arc;

use allin_exchange::clock::Clock;
use allin_runtime::cache::Cache;
use allin_runtime::engine::{Engine, EventBus};
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::market_price_server::MarketPrice;

use super::call::Failure;
use super::config::SpotApiSection;
use super::dispatch::Gates;
use super::fills::Fills;
use super::keys::Keys;
use super::limits::{Limits, Rules};
use super::listen_keys::ListenKeys;
use super::market::Pictures;
use super::markets::{Market, Markets, Tables};
use crate::directory::{Directory, IpRange};

/// What the service needs of the world.
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    pub history: Arc<dyn HistoryReader>,
    pub market_price: Arc<dyn MarketPrice>,
    pub cache_center: Arc<dyn CacheQuery>,
    /// Where those who stream look listen keys up (`spot:listenkey:<key>` → user id as decimal text).
    pub cache: Arc<dyn Cache>,
    /// How much is allowed; whoever has a copy may change it.
    pub rules: Rules,
    /// Whether other nodes of the service hear the same cache, and count with this one.
    pub shares_limits: bool,
    /// Of listen keys.
    pub store_url: String,
    pub directory: Arc<dyn Directory>,
    pub clock: Clock,
}

/// The service's state, shared by all requests.
pub struct App {
    pub handles: Handles,
    pub config: SpotApiSection,
    pub(super) tables: Tables,
    pub(super) keys: Keys,
    pub(super) limits: Limits,
    pub(super) fills: Fills,
    pub(super) listen_keys: ListenKeys,
    pub(super) gates: Gates,
    pub(super) pictures: Pictures,
    /// Peers whose `X-Real-IP` is believed.
    pub(super) trusted: Vec<IpRange>,
}

impl App {
    pub(super) fn new(config: SpotApiSection, handles: Handles) -> Result<App, String> {
        Ok(App {
            tables: Tables::new(),
            keys: Keys::new(config.keys_max as usize),
            limits: Limits::new(&config, &handles.rules, handles.shares_limits),
            fills: Fills::default(),
            listen_keys: ListenKeys::new(handles.store_url.clone()),
            gates: Gates::new(&config),
            pictures: Pictures::new(),
            trusted: config.trusted()?,
            config,
            handles,
        })
    }

    /// The assets and markets as the bus told them last.
    pub fn markets(&self) -> Arc<Markets> {
        self.tables.get()
    }

    /// The market of a `symbol` parameter's value: -1100 for what cannot be a symbol, -1121 for one that is not listed.
    pub fn market(&self, symbol: &str) -> Result<Arc<Market>, Failure> {
        self.markets().by_symbol(symbol)
    }
}
