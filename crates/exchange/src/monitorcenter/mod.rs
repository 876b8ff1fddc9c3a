//! Role monitorcenter (5555): takes the counters, gauges, latencies and lags of every service, keeps the newest of them,
//! answers Prometheus and the console, and names a service that stops reporting.
//!
//! Reports and questions of the console need the bearer token; `/metrics`, `/healthz` and `/readyz` do not, as a scraper
//! has none: they tell numbers, and the port is internal. A report that breaks a bound is refused whole.
//! Never grows without bound: instances, series, points and events have limits with names.
//! Known limits: what it knows is in memory; after a start it knows who reports since then.

mod agent;
mod api;
mod away;
mod config;
mod process;
mod render;
mod report;
mod ring;
mod state;
mod text;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allin_runtime::auth::InternalToken;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::service::{Running, ServiceError, Starting, Stopping};
use state::State;

pub use agent::{Agent, Watched};
pub use away::Sink;
pub use config::MonitorCenterSection;
pub use report::{Family, Health, Kind, Refusal, Report, Sample};
pub use state::{Event, ServiceState, ServiceView};

/// The role's name in the topology, after the product's.
pub const ROLE: &str = "monitorcenter";

/// Between two looks for services that went silent.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// What the role needs of the world.
pub struct Handles {
    pub token: InternalToken,
    pub clock: Clock,
    /// 5555.
    pub listener: TcpListener,
}

/// The role at work.
pub struct Service {
    pub running: Running,
    /// Takes reports of the same process.
    pub monitor: Monitor,
}

/// Takes reports and tells what they said. Cheap to clone.
#[derive(Clone)]
pub struct Monitor {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

impl Monitor {
    pub fn new(config: MonitorCenterSection, clock: Clock) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(config))), clock }
    }

    /// Takes a report whole, or refuses it whole.
    pub fn report(&self, report: Report) -> Result<(), Refusal> {
        let at = (self.clock)();
        self.with(|state| state.report(report, Instant::now(), at.0))
    }

    /// All services that ever reported, by name and instance.
    pub fn services(&self) -> Vec<ServiceView> {
        self.with(|state| state.services(Instant::now()))
    }

    /// What services did: came, fell silent, came back, stopped, failed; newest last.
    pub fn events(&self) -> Vec<Event> {
        self.with(|state| state.events())
    }

    /// Everything in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.with(|state| render::metrics(state, Instant::now()))
    }

    fn look(&self) {
        let at = (self.clock)();
        self.with(|state| state.look(Instant::now(), at.0));
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A panic while holding it leaves numbers that the next reports replace.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Starts the role under a service's name.
pub fn start(name: &'static str, config: MonitorCenterSection, handles: Handles) -> Result<Service, ServiceError> {
    let Handles { token, clock, listener } = handles;
    let body_max = config.report_bytes_max;
    let monitor = Monitor::new(config, clock);
    let mut starting = Starting::new(name);
    starting.serve_http(listener, api::router(monitor.clone(), api::Door::new(name, token), body_max))?;
    starting.spawn(watch(monitor.clone(), starting.stopping()));
    Ok(Service { running: starting.running(), monitor })
}

async fn watch(monitor: Monitor, mut stopping: Stopping) -> Result<(), ServiceError> {
    loop {
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(WATCH_INTERVAL) => monitor.look(),
        }
    }
}
