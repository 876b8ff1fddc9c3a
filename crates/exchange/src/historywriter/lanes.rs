//! Where each delta is on its way into the tables: first the told lane, then the state lane.
//!
//! The told rows of one delta are written while the state of the one before it is. On SQLite, which has one writer at a time,
//! the two follow each other.

use std::sync::Arc;

use allin_core::ids::Seq;
use allin_runtime::store::{Store, StoreError};

use super::config::HistoryWriterSection;
use super::error::HistoryError;
use super::flight::{Flight, Lane, Retry, Written};
use super::months::Months;
use super::rows::Delta;
use crate::service::Stopping;

/// What has come to an end.
pub(super) enum Landed {
    /// The told rows of a delta are there: the lane has room for the next.
    Told,
    /// All of a delta is there, up to this sequence.
    Whole(Seq),
    /// The service was stopped before its rows were written.
    Stopped,
}

/// A connection of its own for each lane.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) told: Store,
    /// The one that is read, too.
    pub(super) state: Store,
    /// Whether both can write at once.
    overlap: bool,
    /// The parts of the tables, for both.
    pub(super) months: Arc<Months>,
}

impl Stores {
    pub(super) async fn open(url: &str) -> Result<Stores, StoreError> {
        let state = Store::open(url).await?;
        let overlap = Store::is_server_url(url);
        let told = if overlap { Store::open_lane(url, "told").await? } else { state.clone() };
        Ok(Stores { told, state, overlap, months: Arc::default() })
    }

    pub(super) async fn close(&self) {
        self.told.close().await;
        self.state.close().await;
    }
}

pub(super) struct Lanes {
    name: &'static str,
    config: HistoryWriterSection,
    stores: Stores,
    stopping: Stopping,
    told: Option<Flight>,
    /// Its told rows are there, and the state of the one before it is still being written.
    between: Option<Delta>,
    state: Option<Flight>,
}

impl Lanes {
    pub(super) fn new(name: &'static str, config: HistoryWriterSection, stores: Stores, stopping: Stopping) -> Lanes {
        Lanes { name, config, stores, stopping, told: None, between: None, state: None }
    }

    /// Whether a delta may take off.
    pub(super) fn has_room(&self) -> bool {
        self.told.is_none() && self.between.is_none() && (self.stores.overlap || self.state.is_none())
    }

    /// Whether everything that took off is in the tables.
    pub(super) fn is_idle(&self) -> bool {
        self.told.is_none() && self.between.is_none() && self.state.is_none()
    }

    /// Deltas follow each other in the order of the log, each when there is room.
    pub(super) fn take_off(&mut self, delta: Delta) {
        debug_assert!(self.has_room(), "asked before");
        self.told = Some(self.flight(delta, Lane::Told));
    }

    /// Waits for ever while nothing is under way. May be dropped and asked again.
    pub(super) async fn landed(&mut self) -> Result<Landed, HistoryError> {
        let (lane, written) = tokio::select! {
            biased;
            written = written(&mut self.state) => (Lane::State, written),
            written = written(&mut self.told) => (Lane::Told, written),
        };
        match lane {
            Lane::Told => self.told = None,
            Lane::State => self.state = None,
        }
        let Some(delta) = written? else { return Ok(Landed::Stopped) };
        let landed = match lane {
            Lane::Told => {
                self.between = Some(delta);
                Landed::Told
            }
            Lane::State => {
                let (service, to) = (self.name, delta.to);
                metrics::counter!("allin_history_rows_total", "service" => service).increment(delta.len() as u64);
                // The next need not wait while a million values are given back.
                tokio::spawn(async move { drop(delta) });
                Landed::Whole(to)
            }
        };
        if self.state.is_none() {
            self.state = self.between.take().map(|delta| self.flight(delta, Lane::State));
        }
        Ok(landed)
    }

    fn flight(&self, delta: Delta, lane: Lane) -> Flight {
        let store = match lane {
            Lane::Told => &self.stores.told,
            Lane::State => &self.stores.state,
        };
        let (wait, wait_max) = self.config.retry_waits();
        let retry = Retry { name: self.name, doing: "write", wait, wait_max };
        Flight::start(delta, lane, store.clone(), self.stores.months.clone(), retry, self.stopping.clone())
    }
}

async fn written(flight: &mut Option<Flight>) -> Written {
    match flight {
        Some(flight) => flight.written().await,
        None => std::future::pending().await,
    }
}
