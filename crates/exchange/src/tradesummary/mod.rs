//! Role tradesummary (7519): who traded how much, at which fees, with what profit; and the fee tiers that follow.
//!
//! Owns its tables: sums per user, market and UTC day, the average cost of what users bought, and the volume of each day
//! in one asset. Rows and position are one transaction; a lost store is rebuilt from the log. On the first command of a
//! day it sets the tiers that follow from the 30 days before; who has a tier beyond its table is left alone. When a day
//! begins in silence it sends a tick, so that it does begin.
//! Never sets a tier that a user has already, and changes nothing else of him.
//! Known limits: rankings add up all users of the days asked for; between reading a user's settings and setting his
//! tier, a change of them by an operator would be undone (one command for the tier alone would close this).

mod api;
mod config;
mod error;
pub mod figures;
mod run;
mod state;
mod store;
mod tiers;
mod volume;

use std::sync::Arc;

use allin_runtime::engine::{Engine, EventBus};
use allin_wire::exchange::v1::trade_summary_server::{TradeSummary, TradeSummaryServer};
use tonic::service::Routes;
use tonic::transport::Server;

use crate::clock::Clock;
use crate::follow::{Fold, Follower, Progress, measure_lag};
use crate::guard::GrpcPort;
use crate::service::{Running, ServiceError, Starting};

pub use config::TradeSummarySection;
pub use store::schema;

/// The role's name in the topology, after the product's.
pub const ROLE: &str = "tradesummary";

/// What the role needs of the world.
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    /// Its own database; made when missing.
    pub store_url: String,
    pub clock: Clock,
    /// 7519.
    pub listener: GrpcPort,
}

/// The role at work.
pub struct Service {
    pub running: Running,
    /// The same answers as on the port.
    pub api: Arc<dyn TradeSummary>,
    pub progress: Arc<Progress>,
}

/// What the fold alone needs.
pub struct FoldHandles {
    pub engine: Arc<dyn Engine>,
    pub store_url: String,
    pub clock: Clock,
    pub progress: Arc<Progress>,
}

/// The fold without a port and without setting tiers: for tests that end it where they like.
pub fn follower(
    name: &'static str,
    config: TradeSummarySection,
    handles: FoldHandles,
    bus: Arc<dyn EventBus>,
) -> Follower<impl Fold> {
    build(name, &config, handles, bus).0
}

/// Starts the role under a service's name; ready once it has caught up with the log.
pub fn start(name: &'static str, config: TradeSummarySection, handles: Handles) -> Result<Service, ServiceError> {
    let Handles { engine, bus, store_url, clock, listener } = handles;
    let progress = Arc::new(Progress::default());
    let fold_handles = FoldHandles { engine: engine.clone(), store_url, clock, progress: progress.clone() };
    let (follower, shared) = build(name, &config, fold_handles, bus);
    let api = Arc::new(api::Api { shared: shared.clone() });

    let mut starting = Starting::new(name);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    let routes = Routes::new(TradeSummaryServer::from_arc(api.clone()));
    starting.serve_grpc(listener, Server::builder(), routes)?;
    starting.spawn(tiers::Tiers { name, engine: engine.clone(), shared }.run(stopping.clone()));
    starting.spawn(measure_lag(name, engine, progress.clone(), stopping.clone()));
    starting.spawn(follower.run(readiness, stopping));
    Ok(Service { running: starting.running(), api, progress })
}

fn build(
    name: &'static str,
    config: &TradeSummarySection,
    handles: FoldHandles,
    bus: Arc<dyn EventBus>,
) -> (Follower<run::SummaryFold>, Arc<run::Shared>) {
    let FoldHandles { engine, store_url, clock, progress } = handles;
    let shared = Arc::new(run::Shared::new(config, clock, progress.clone()));
    let fold = run::SummaryFold::new(name, config, engine.clone(), store_url, shared.clone());
    (Follower { name, engine, bus, fold, pace: config.pace(), progress }, shared)
}
