//! Role cachecenter (7802 queries, 7803 push; 7810 depth, 7811 deals, 7812 klines, 7813 tickers): the public picture of
//! every market, with snapshots and sequenced differences.
//!
//! Owns the visible books as a fold over the log, so that a client that applies the differences to its snapshot has the
//! engine's book at every sequence. Never stores anything, and never waits for a subscriber: who reads too slowly is cut
//! off at the bound of its queue. Publishes snapshots and tickers to the shared cache for whoever cannot ask.
//!
//! 7802 answers all questions, 7803 opens all streams, and 7802 also gives the shared cache to other processes; 7810 to 7813 do both for their own kind alone, so that the load
//! of a kind can be given its own pods.
//!
//! A start takes up what stands: open orders from the engine, page by page, and bars, trades and the ticker's seconds from
//! marketprice. From the least sequence of all of them on it folds the log, so it takes as long as the open orders and the
//! day's seconds are many, however long the log is.
//! Known limits: the window of a ticker takes one bar (128 bytes) for each second of the day in which the market traded.

mod api;
pub mod book;
mod center;
mod config;
mod hub;
mod kind;
mod message;
mod push;
mod run;
mod standing;
mod state;

use std::sync::Arc;
use std::time::Duration;

use allin_runtime::cache::Cache;
use allin_runtime::engine::{Engine, EventBus};
use allin_wire::exchange::v1::cache_query_server::{CacheQuery, CacheQueryServer};
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use allin_wire::exchange::v1::shared_cache_server::SharedCacheServer;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::clock::Clock;
use crate::follow::{Follower, Pace, Progress, measure_lag};
use crate::guard::GrpcPort;
use crate::remote::CacheService;
use crate::service::{Running, ServiceError, Starting};

pub use center::Center;
pub use config::CacheCenterSection;
pub use hub::{Frame, Subscription};
pub use kind::Kind;
pub(crate) use standing::open_orders;

/// The role's name in the topology, after the product's.
pub const ROLE: &str = "cachecenter";

/// A peer that does not answer within twice this is gone; else its stream would keep its place for ever.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Nothing is committed; the follower asks for a pace all the same.
const PACE: Pace = Pace { interval: Duration::from_secs(1), events_max: usize::MAX };

/// What the role needs of the world.
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    /// Gives a start what was traded before it.
    pub prices: Arc<dyn MarketPrice>,
    pub cache: Arc<dyn Cache>,
    pub clock: Clock,
    pub listeners: Listeners,
}

/// Its six ports.
pub struct Listeners {
    pub queries: GrpcPort,
    pub push: GrpcPort,
    pub depth: GrpcPort,
    pub deals: GrpcPort,
    pub klines: GrpcPort,
    pub tickers: GrpcPort,
}

/// The role at work.
pub struct Service {
    /// Listens in the order of [`Listeners`].
    pub running: Running,
    /// The same answers as on 7802.
    pub api: Arc<dyn CacheQuery>,
    /// The same streams as on 7803, for services in this process.
    pub center: Arc<Center>,
    pub progress: Arc<Progress>,
}

/// Starts the role under a service's name; ready once it has caught up with the log.
pub fn start(name: &'static str, config: CacheCenterSection, handles: Handles) -> Result<Service, ServiceError> {
    let Handles { engine, bus, prices, cache, clock, listeners } = handles;
    let progress = Arc::new(Progress::default());
    let center = Arc::new(Center::new(config, clock, progress.clone()));
    let query = |kind| api::QueryApi { center: center.clone(), kinds: kind::Kinds(kind) };
    let push = |kind| push::PushService { center: center.clone(), kinds: kind::Kinds(kind) };
    let server =
        || Server::builder().http2_keepalive_interval(Some(KEEPALIVE)).http2_keepalive_timeout(Some(KEEPALIVE));

    let mut starting = Starting::new(name);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    let api = Arc::new(query(None));
    let shared = SharedCacheServer::new(CacheService { cache: cache.clone(), stopping: stopping.clone() });
    let queries = Routes::new(CacheQueryServer::from_arc(api.clone())).add_service(shared);
    starting.serve_grpc(listeners.queries, server(), queries)?;
    starting.serve_grpc(listeners.push, server(), Routes::new(push(None)))?;
    let of_kind = [
        (listeners.depth, Kind::Depth),
        (listeners.deals, Kind::Deals),
        (listeners.klines, Kind::Klines),
        (listeners.tickers, Kind::Tickers),
    ];
    for (listener, kind) in of_kind {
        let queries = CacheQueryServer::new(query(Some(kind)));
        starting.serve_grpc(listener, server(), Routes::new(queries).add_service(push(Some(kind))))?;
    }
    let publisher = run::Publisher { name, center: center.clone(), cache };
    starting.spawn(publisher.run(stopping.clone()));
    starting.spawn(measure_lag(name, engine.clone(), progress.clone(), stopping.clone()));
    let fold = run::BookFold::new(engine.clone(), prices, center.clone());
    let follower = Follower { name, engine, bus, fold, pace: PACE, progress: progress.clone() };
    starting.spawn(follower.run(readiness, stopping));
    Ok(Service { running: starting.running(), api, center, progress })
}
