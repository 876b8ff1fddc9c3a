//! Owns the history tables: consumes events and writes orders, deals and ledger entries to SQL, exactly once.
//! Never loses or doubles a row, whenever it is killed: rows and position are one transaction, and what the tables do not
//! have the log gives again. Never holds up trading: a database that is away only makes history lag.
//! Known limits: removing the database's file is noticed at the next start; rows are kept for ever.

mod config;
mod error;
mod order;
mod rows;
mod run;
mod state;
mod trade;

use std::sync::Arc;

use allin_core::ids::Seq;
use allin_runtime::engine::EventBus;
use allin_runtime::store::Store;
use tokio::sync::watch;

pub use config::Config;
pub use error::HistoryError;

use crate::service::{Running, ServiceError, Starting};

/// The role's name.
pub const ROLE: &str = "historywriter";

const NAME: &str = ROLE;

/// The writer, running.
pub struct Historywriter {
    pub running: Running,
    /// Up to where the tables are filled.
    pub written: watch::Receiver<Seq>,
}

/// Goes on where the tables end. It is ready once it knows where that is; catching up may take longer.
pub fn start(store: Store, bus: Arc<dyn EventBus>, config: Config) -> Historywriter {
    let mut starting = Starting::new(NAME);
    let (sender, written) = watch::channel(Seq(0));
    let writer = run::Writer {
        store,
        bus,
        config,
        written: sender,
        stopping: starting.stopping(),
        readiness: starting.readiness(),
    };
    starting.spawn(async move { writer.run().await.map_err(|error| ServiceError::failed(NAME, error)) });
    Historywriter { running: starting.running(), written }
}
