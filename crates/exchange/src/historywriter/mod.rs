//! Owns the history tables: consumes events and writes orders, deals and ledger entries to SQL, exactly once.
//! Never loses or doubles a row, whenever it is killed: rows are one transaction with a position, in each of two lanes, and what
//! the tables do not have the log gives again. Never holds up trading: a database that is away only makes history lag.
//! Known limits: removing the database's file is noticed at the next start.

mod config;
mod error;
mod flight;
mod lanes;
mod months;
mod order;
mod rows;
mod run;
mod state;
mod sweep;
mod trade;

use std::sync::Arc;

use allin_core::ids::Seq;
use allin_runtime::engine::{Engine, EventBus};
use tokio::sync::watch;

pub use config::{HistorySection, HistoryWriterSection};
pub use error::HistoryError;

use crate::follow::{Progress, measure_lag};
use crate::service::{Running, ServiceError, Starting};

/// The role's name in the topology, after the product's.
pub const ROLE: &str = "historywriter";

/// What the role needs of the world.
pub struct Handles {
    /// Asked where the log ends.
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    /// Its own database, which historyreader reads; made when missing.
    pub store_url: String,
    /// [`HistorySection::keep_months`].
    pub keep_months: u32,
}

/// The role at work.
pub struct Service {
    pub running: Running,
    pub progress: Arc<Progress>,
    /// Up to where the tables are filled.
    pub written: watch::Receiver<Seq>,
}

/// Starts the role under a service's name. It goes on where the tables end, and is ready once it knows where that is;
/// catching up may take longer.
pub fn start(name: &'static str, config: HistoryWriterSection, handles: Handles) -> Service {
    let Handles { engine, bus, store_url, keep_months } = handles;
    let progress = Arc::new(Progress::default());
    let (sender, written) = watch::channel(Seq(0));
    let mut starting = Starting::new(name);
    let writer = run::Writer {
        name,
        config,
        engine: engine.clone(),
        bus,
        store_url,
        keep_months,
        progress: progress.clone(),
        written: sender,
        stopping: starting.stopping(),
        readiness: starting.readiness(),
    };
    starting.spawn(async move { writer.run().await.map_err(|error| ServiceError::failed(name, error)) });
    starting.spawn(measure_lag(name, engine, progress.clone(), starting.stopping()));
    Service { running: starting.running(), progress, written }
}
