//! landry-spotws-web (8080; host ws.…, paths `/ws*` and `/stream`): public market data and user data over WebSocket, as
//! Binance Spot's "WebSocket Streams" describes them.
//!
//! Owns the subscriptions of its connections and nothing else: trades come straight from the log, books from the cache
//! centre, bars and windows from market prices, user data from [`crate::userdata`]. Each message is encoded once in each
//! form that somebody wants, as a whole frame, and queued for its listeners; a client whose queue is full is closed, and
//! nobody waits for it.
//! Known limits: streams of block trades and reference prices are taken like unknown ones, and never tell anything.

mod app;
mod arrivals;
mod book;
mod config;
mod connection;
mod depth;
mod frame;
mod hub;
mod klines;
mod outbox;
mod pace;
mod request;
mod server;
mod session;
mod stream;
mod tables;
mod target;
mod tickers;
mod trades;
mod user;

use std::sync::Arc;
use std::time::Duration;

use allin_exchange::follow::{Follower, Pace, Progress};
use allin_exchange::service::{Port, Running, ServiceError, Starting, Stopping};

use app::App;
use arrivals::Arrivals;
use hub::Hub;

use crate::userdata::UserData;

pub use app::Handles;
pub use config::SpotWsSection;
pub use depth::{DepthSource, DepthUpdates, RemoteDepth};

/// Nothing is committed; the follower asks for a pace all the same.
const PACE: Pace = Pace { interval: Duration::from_secs(1), events_max: usize::MAX };

/// Serves the streams on a bound listener; `name` is the service's in the topology. Ready once the markets are known.
pub fn start(
    name: &'static str,
    config: SpotWsSection,
    handles: Handles,
    listener: Port,
) -> Result<Running, ServiceError> {
    let Handles { engine, bus, books, cache_center, market_price, cache, clock } = handles;
    let user_data = UserData::new(engine.clone(), bus.clone(), clock.clone());
    let trusted =
        config.trusted().map_err(|text| ServiceError::failed(name, format!("{text:?} is no range of addresses")))?;
    let app = Arc::new(App {
        hub: Hub::new(),
        arrivals: Arrivals::new(config.connections_5m_max, config.counted_max),
        trusted,
        engine: engine.clone(),
        books,
        cache_center,
        market_price,
        cache,
        user_data: user_data.clone(),
        clock,
        config,
    });
    let mut starting = Starting::new(name);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    let fold =
        trades::TradeFold { app: app.clone(), tables: Default::default(), seq: None, numbers: Default::default() };
    let progress = Arc::new(Progress::default());
    let follower = Follower { name, engine, bus, fold, pace: PACE, progress };
    starting.spawn(follower.run(readiness, stopping.clone()));
    starting.spawn(user_data.run(name, stopping.clone()));
    starting.spawn(tickers::run(app.clone(), stopping.clone()));
    starting.spawn(klines::run(app.clone(), stopping.clone()));
    starting.spawn(end_tasks(app.clone(), stopping.clone()));
    if let Some(listener) = listener {
        starting.listens(&listener)?;
        starting.spawn(server::serve(app, listener, stopping));
    }
    Ok(starting.running())
}

/// Ends feeds and user streams with the service; tells meanwhile how many topics there are.
async fn end_tasks(app: Arc<App>, mut stopping: Stopping) -> Result<(), ServiceError> {
    let mut rounds = tokio::time::interval(app.config.publish_slow());
    loop {
        tokio::select! {
            () = stopping.wait() => break,
            _ = rounds.tick() => metrics::gauge!("allin_spotws_topics").set(app.hub.topics() as f64),
        }
    }
    app.hub.stop_tasks().await;
    Ok(())
}
