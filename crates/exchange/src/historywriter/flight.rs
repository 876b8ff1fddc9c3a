//! A transaction under way. The next one is folded meanwhile, so that neither waits for the other.

use std::sync::Arc;
use std::time::Duration;

use allin_runtime::store::{Position, Store};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::HistoryError;
use super::months::Months;
use super::rows::Delta;
use crate::history_schema::{CONSUMER, CONSUMER_TOLD};
use crate::service::Stopping;

/// A row goes into one of two transactions, each with a position of its own. For one delta the first commits before the
/// second begins, so the tables of the first are never behind those of the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lane {
    /// What is told of trades and funds and never read back here: parties' deals and ledger entries.
    Told,
    /// What the fold reads back, and the rest of what an answer joins with it.
    State,
}

impl Lane {
    pub(super) fn position(self) -> Position {
        Position::new(match self {
            Lane::Told => CONSUMER_TOLD,
            Lane::State => CONSUMER,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Lane::Told => "told",
            Lane::State => "state",
        }
    }
}

/// Gives the rows back once they are written; none when the service was stopped before they were.
pub(super) type Written = Result<Option<Delta>, HistoryError>;

/// There is one at most in each lane, so a lane's transactions follow each other in the order of the log. Dropped, it is cut off.
pub(super) struct Flight(JoinHandle<Written>);

impl Flight {
    pub(super) fn start(
        delta: Delta,
        lane: Lane,
        store: Store,
        months: Arc<Months>,
        retry: Retry,
        stopping: Stopping,
    ) -> Flight {
        Flight(tokio::spawn(write(delta, lane, store, months, retry, stopping)))
    }

    /// May be dropped and asked again.
    pub(super) async fn written(&mut self) -> Written {
        match (&mut self.0).await {
            Ok(written) => written,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Only a runtime that ends cancels it.
            Err(_) => Ok(None),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Writes the same rows until they are there.
async fn write(
    mut delta: Delta,
    lane: Lane,
    store: Store,
    months: Arc<Months>,
    mut retry: Retry,
    mut stopping: Stopping,
) -> Written {
    let (service, started) = (retry.name, Instant::now());
    delta.reached = months.news(delta.times);
    loop {
        let written = match months.make(&store, delta.times).await {
            Ok(()) => delta.write(lane, &store).await,
            Err(error) => Err(error.into()),
        };
        let Err(error) = written else { break };
        if !retry.wait(error, &mut stopping).await? {
            return Ok(None);
        }
    }
    let took = started.elapsed().as_micros() as f64;
    metrics::histogram!("allin_history_write_us", "service" => service, "lane" => lane.name()).record(took);
    if lane == Lane::State {
        months.reached(delta.times);
    }
    Ok(Some(delta))
}

/// Growing waits while the database is away.
pub(super) struct Retry {
    pub(super) name: &'static str,
    pub(super) doing: &'static str,
    pub(super) wait: Duration,
    pub(super) wait_max: Duration,
}

impl Retry {
    /// Waits before the next try; false when the service stops. An error that does not pass is given back.
    pub(super) async fn wait(&mut self, error: HistoryError, stopping: &mut Stopping) -> Result<bool, HistoryError> {
        if !error.passes() {
            return Err(error);
        }
        let wait_ms = self.wait.as_millis() as u64;
        tracing::warn!(service = self.name, doing = self.doing, %error, wait_ms, "history lags");
        metrics::counter!("allin_history_retries_total", "service" => self.name).increment(1);
        tokio::select! {
            () = stopping.wait() => return Ok(false),
            () = tokio::time::sleep(self.wait) => {}
        }
        self.wait = (self.wait * 2).min(self.wait_max);
        Ok(true)
    }
}
