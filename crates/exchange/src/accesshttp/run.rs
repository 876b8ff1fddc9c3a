//! Starts the role: the table of markets, the bus, and the HTTP server.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::Seq;
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::{BusError, Engine, EventBus};
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use allin_wire::viabtc::Method;
use metrics::Histogram;
use tokio::net::TcpListener;

use super::config::Config;
use super::http;
use super::state::Tables;
use crate::service::{Readiness, Running, ServiceError, Starting, Stopping};

/// Pause before the bus or the engine is asked again.
const RETRY: Duration = Duration::from_millis(200);

/// What the role stands on.
#[derive(Clone)]
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    pub history: Arc<dyn HistoryReader>,
    pub market_price: Arc<dyn MarketPrice>,
    /// What callers have to present.
    pub token: InternalToken,
}

/// Everything that answering a request needs.
pub(super) struct Access {
    pub config: Config,
    pub handles: Handles,
    pub tables: Tables,
    /// How long each method took, in their order. Kept, because to look a series up costs more than to add to it.
    pub took_us: Vec<Histogram>,
}

/// Serves on a bound listener; `service` is the name in the topology. Ready once the markets are known.
pub fn start(
    service: &'static str,
    config: Config,
    handles: Handles,
    listener: TcpListener,
) -> Result<Running, ServiceError> {
    let mut starting = Starting::new(service);
    let readiness = starting.readiness();
    let tables = Tables::new(handles.engine.clone());
    let series = |method: &Method| metrics::histogram!("accesshttp_request_us", "method" => method.name());
    let took_us = Method::ALL.iter().map(series).collect();
    let access = Arc::new(Access { config, handles, tables, took_us });
    starting.listens(&listener)?;
    starting.spawn(follow(service, access.clone(), readiness, starting.stopping()));
    starting.spawn(http::serve(access, listener, starting.stopping()));
    Ok(starting.running())
}

/// Keeps the table of assets and markets up to date until the service stops. Losing the bus only makes the filters in
/// the table older, so requests are answered all the while.
async fn follow(
    service: &'static str,
    access: Arc<Access>,
    readiness: Readiness,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    loop {
        let lost = tokio::select! {
            () = stopping.wait() => return Ok(()),
            lost = follow_once(service, &access, &readiness) => lost,
        };
        tracing::warn!(service, lost, "follows the markets anew");
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Gives back why it cannot go on.
async fn follow_once(service: &'static str, access: &Access, readiness: &Readiness) -> String {
    let as_of = match access.tables.load().await {
        Ok(as_of) => as_of,
        Err(failure) => return failure.0.code.message().to_owned(),
    };
    readiness.set(true);
    let lost = async {
        let mut subscription = access.handles.bus.subscribe(service, Seq(as_of.0 + 1)).await?;
        loop {
            access.tables.apply(&*subscription.next().await?);
        }
    };
    let lost: Result<(), BusError> = lost.await;
    lost.err().map(|error| error.to_string()).unwrap_or_default()
}
