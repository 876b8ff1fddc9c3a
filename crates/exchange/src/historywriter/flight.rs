//! A transaction under way. The next one is folded meanwhile, so that neither waits for the other.

use std::time::Duration;

use allin_core::ids::Seq;
use allin_runtime::store::{Position, Store};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::HistoryError;
use super::rows::Delta;
use crate::service::Stopping;

/// Gives the sequence up to which the tables are filled; none when the service was stopped before they were.
pub(super) type Landed = Result<Option<Seq>, HistoryError>;

/// There is one at most, so transactions follow each other in the order of the log. Dropped, it is cut off.
pub(super) struct Flight(JoinHandle<Landed>);

impl Flight {
    pub(super) fn start(delta: Delta, store: Store, position: Position, retry: Retry, stopping: Stopping) -> Flight {
        Flight(tokio::spawn(write(delta, store, position, retry, stopping)))
    }

    /// May be dropped and asked again.
    pub(super) async fn landed(&mut self) -> Landed {
        match (&mut self.0).await {
            Ok(landed) => landed,
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
async fn write(mut delta: Delta, store: Store, position: Position, mut retry: Retry, mut stopping: Stopping) -> Landed {
    let (rows, service, started) = (delta.len(), retry.name, Instant::now());
    while let Err(error) = delta.write(&store, &position).await {
        if !retry.wait(error, &mut stopping).await? {
            return Ok(None);
        }
    }
    let took = started.elapsed().as_micros() as f64;
    metrics::counter!("allin_history_rows_total", "service" => service).increment(rows as u64);
    metrics::histogram!("allin_history_write_us", "service" => service).record(took);
    let to = delta.to;
    // The next need not wait while a million values are given back.
    tokio::spawn(async move { drop(delta) });
    Ok(Some(to))
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
