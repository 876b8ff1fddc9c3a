//! What every handler has at hand.

use std::sync::Arc;

use allin_exchange::clock::Clock;
use allin_runtime::cache::Cache;
use allin_runtime::engine::{Engine, EventBus};
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::market_price_server::MarketPrice;

use crate::directory::Directory;

/// What the service needs of the world.
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    pub history: Arc<dyn HistoryReader>,
    pub market_price: Arc<dyn MarketPrice>,
    pub cache_center: Arc<dyn CacheQuery>,
    /// Listen keys: `spot:listenkey:<key>` → user id as decimal text, lives 60 min; `spot:listenkey-of:<user>` → key.
    pub cache: Arc<dyn Cache>,
    pub directory: Arc<dyn Directory>,
    pub clock: Clock,
}

/// The service's state, shared by all requests.
pub struct App {
    pub handles: Handles,
}
