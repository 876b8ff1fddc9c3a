//! Role marketprice (7416): folds trades into klines, tickers and last prices.
//!
//! Owns its tables: bars of five intervals (the other eleven, and days at other time zones, are made of them on reading),
//! the newest trades of each market, and numbers of aggregate trades. Never anything that the log could not give again: a lost
//! store is rebuilt from sequence 1. Rows and position are one transaction, so that a kill at any point leaves the fold over the log.
//! Known limits: one-second bars are kept for days, not for ever; a start reads the newest bars market by market.

mod api;
mod config;
mod error;
mod read;
mod run;
mod standing;
mod state;
mod store;
mod view;

use std::sync::Arc;

use allin_runtime::engine::{Engine, EventBus};
use allin_wire::exchange::v1::market_price_server::{MarketPrice, MarketPriceServer};
use tonic::service::Routes;
use tonic::transport::Server;

use crate::clock::Clock;
use crate::follow::{Fold, Follower, Progress, measure_lag};
use crate::guard::GrpcPort;
use crate::service::{Running, ServiceError, Starting};

pub use config::MarketPriceSection;
pub use store::schema;

/// The role's name in the topology, after the product's.
pub const ROLE: &str = "marketprice";

/// What the role needs of the world.
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    /// Its own database; made when missing.
    pub store_url: String,
    pub clock: Clock,
    /// 7416.
    pub listener: GrpcPort,
}

/// The role at work.
pub struct Service {
    pub running: Running,
    /// The same answers as on the port.
    pub api: Arc<dyn MarketPrice>,
    pub progress: Arc<Progress>,
}

/// What the fold alone needs.
pub struct FoldHandles {
    pub engine: Arc<dyn Engine>,
    pub store_url: String,
    pub clock: Clock,
    pub progress: Arc<Progress>,
}

/// The fold without a port: for a start, and for tests that end it where they like.
pub fn follower(
    name: &'static str,
    config: MarketPriceSection,
    handles: FoldHandles,
    bus: Arc<dyn EventBus>,
) -> Follower<impl Fold> {
    build(name, config, handles, bus).0
}

/// Starts the role under a service's name; ready once it has caught up with the log.
pub fn start(name: &'static str, config: MarketPriceSection, handles: Handles) -> Result<Service, ServiceError> {
    let Handles { engine, bus, store_url, clock, listener } = handles;
    let progress = Arc::new(Progress::default());
    let fold_handles = FoldHandles { engine: engine.clone(), store_url, clock, progress: progress.clone() };
    let (follower, shared) = build(name, config, fold_handles, bus);
    let api = Arc::new(api::Api { shared });

    let mut starting = Starting::new(name);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    let routes = Routes::new(MarketPriceServer::from_arc(api.clone()));
    starting.serve_grpc(listener, Server::builder(), routes)?;
    starting.spawn(measure_lag(name, engine, progress.clone(), stopping.clone()));
    starting.spawn(follower.run(readiness, stopping));
    Ok(Service { running: starting.running(), api, progress })
}

fn build(
    name: &'static str,
    config: MarketPriceSection,
    handles: FoldHandles,
    bus: Arc<dyn EventBus>,
) -> (Follower<run::PriceFold>, Arc<run::Shared>) {
    let FoldHandles { engine, store_url, clock, progress } = handles;
    let pace = config.pace();
    let shared = Arc::new(run::Shared::new(config, clock, progress.clone()));
    let fold = run::PriceFold::new(name, engine.clone(), store_url, shared.clone());
    (Follower { name, engine, bus, fold, pace, progress }, shared)
}
