//! Role historyreader (7516): answers questions about orders, deals and ledger entries from the tables of historywriter.
//!
//! Never asks the writer or the engine: an answer is what the tables hold at one moment, and says up to which sequence;
//! what is there of later ones already is left out.
//! Never reads a table from end to end: every question has its index, and a test holds it to that.
//! Known limits: a page far from the first costs what lies before it.

mod api;
mod config;
mod details;
mod error;
mod ledger;
pub mod query;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use allin_runtime::store::Store;
use allin_wire::exchange::v1::history_reader_server::{HistoryReader, HistoryReaderServer};
use tonic::service::Routes;
use tonic::transport::Server;

use crate::guard::GrpcPort;
use crate::service::{Readiness, Running, ServiceError, Starting, Stopping};

pub use config::HistoryReaderSection;

/// The role's name in the topology, after the product's.
pub const ROLE: &str = "historyreader";

/// Between two looks whether the writer has made its tables.
const TABLES_WAIT: Duration = Duration::from_millis(100);

/// What the role needs of the world.
pub struct Handles {
    /// The writer's database.
    pub store_url: String,
    /// 7516.
    pub listener: GrpcPort,
}

/// The role at work.
pub struct Service {
    pub running: Running,
    /// The same answers as on the port.
    pub api: Arc<dyn HistoryReader>,
}

/// Starts the role under a service's name; ready once the writer has made its tables.
pub fn start(name: &'static str, config: HistoryReaderSection, handles: Handles) -> Result<Service, ServiceError> {
    let Handles { store_url, listener } = handles;
    let api = Arc::new(api::Api::new(name, config));
    let mut starting = Starting::new(name);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    let routes = Routes::new(HistoryReaderServer::from_arc(api.clone()));
    starting.serve_grpc(listener, Server::builder(), routes)?;
    starting.spawn(open(name, store_url, api.clone(), readiness, stopping));
    Ok(Service { running: starting.running(), api })
}

/// Opens the tables as soon as they are there.
async fn open(
    name: &'static str,
    url: String,
    api: Arc<api::Api>,
    readiness: Readiness,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    loop {
        match Store::open(&url).await {
            Ok(store) if api.open(store.clone()).await => break,
            Ok(_) => tracing::debug!(service = name, "there are no tables yet"),
            Err(error) => tracing::warn!(service = name, %error, "cannot open the history"),
        }
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(TABLES_WAIT) => {}
        }
    }
    readiness.set(true);
    stopping.wait().await;
    api.close().await;
    Ok(())
}
