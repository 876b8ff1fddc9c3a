//! The service's state, shared by all connections.

use std::sync::Arc;

use allin_exchange::clock::Clock;
use allin_runtime::cache::Cache;
use allin_runtime::engine::{Engine, EventBus};
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::market_price_server::MarketPrice;

use super::arrivals::Arrivals;
use super::config::SpotWsSection;
use super::depth::DepthSource;
use super::hub::Hub;
use crate::directory::IpRange;
use crate::userdata::UserData;

/// What the service needs of the world.
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    /// Books: the cache centre's push side (`Center` in one process).
    pub books: Arc<dyn DepthSource>,
    /// Its query side.
    pub cache_center: Arc<dyn CacheQuery>,
    pub market_price: Arc<dyn MarketPrice>,
    /// Listen keys: `spot:listenkey:<key>` → user id as decimal text.
    pub cache: Arc<dyn Cache>,
    pub clock: Clock,
}

pub(super) struct App {
    pub config: SpotWsSection,
    pub hub: Hub,
    pub arrivals: Arrivals,
    /// Peers whose `X-Real-IP` is believed.
    pub trusted: Vec<IpRange>,
    pub engine: Arc<dyn Engine>,
    pub books: Arc<dyn DepthSource>,
    pub cache_center: Arc<dyn CacheQuery>,
    pub market_price: Arc<dyn MarketPrice>,
    pub cache: Arc<dyn Cache>,
    pub user_data: Arc<UserData>,
    pub clock: Clock,
}
