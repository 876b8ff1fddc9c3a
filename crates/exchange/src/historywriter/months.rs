//! Parts of the tables for what is about to be written: made ahead, or at the latest on the way.

use std::time::Duration;

use allin_core::ids::Timestamp;
use allin_runtime::store::{Month, Store, StoreError};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::history_schema::months::PARTED;

/// Between two tries to make the next month's parts, when somebody was in their way.
const AHEAD_WAIT: Duration = Duration::from_secs(600);

/// Which parts are there, and up to where they are written.
pub(super) struct Months {
    state: Mutex<State>,
    reached: watch::Sender<Timestamp>,
}

#[derive(Default)]
struct State {
    /// First and last month of those that surely have their parts.
    made: Option<(Month, Month)>,
    ahead_at: Option<Instant>,
}

impl Default for Months {
    fn default() -> Self {
        Self { state: Mutex::default(), reached: watch::Sender::new(Timestamp(0)) }
    }
}

impl Months {
    /// Makes the parts that rows of these times need, and those of the month after them. Only what is needed now has to
    /// succeed.
    pub(super) async fn make(&self, store: &Store, times: Option<(Timestamp, Timestamp)>) -> Result<(), StoreError> {
        let Some((first, last)) = times.filter(|_| store.has_parts()) else { return Ok(()) };
        let (first, last) = (month(first), month(last));
        let mut state = self.state.lock().await;
        let is_made = |to: Month| state.made.is_some_and(|(oldest, newest)| oldest <= first && to <= newest);
        if is_made(last.next()) || is_made(last) && state.ahead_at.is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        let oldest = state.made.map_or(first, |(oldest, _)| oldest.min(first));
        state.ahead_at = None;
        let newest = match make(store, oldest, last.next()).await {
            Ok(()) => last.next(),
            Err(error) => {
                tracing::warn!(%error, "the next month's parts of the history's tables are not made yet");
                state.ahead_at = Some(Instant::now() + AHEAD_WAIT);
                make(store, oldest, last).await?;
                last
            }
        };
        state.made = Some((oldest, newest));
        Ok(())
    }

    /// Where the month of the last of these times begins, if there may be no rows of it yet.
    pub(super) fn news(&self, times: Option<(Timestamp, Timestamp)>) -> Option<Timestamp> {
        let (_, last) = times?;
        let begin = Timestamp(u64::try_from(month(last).start_us()).unwrap_or(0));
        (month(*self.reached.borrow()) != month(last)).then_some(begin)
    }

    /// Rows up to a time are in the tables.
    pub(super) fn reached(&self, times: Option<(Timestamp, Timestamp)>) {
        if let Some((_, last)) = times {
            self.reached.send_replace(last);
        }
    }

    pub(super) fn times(&self) -> watch::Receiver<Timestamp> {
        self.reached.subscribe()
    }
}

fn month(at: Timestamp) -> Month {
    Month::of(i64::try_from(at.0).unwrap_or(i64::MAX))
}

async fn make(store: &Store, first: Month, last: Month) -> Result<(), StoreError> {
    for parted in PARTED {
        store.make_parts(parted.table, first, last).await?;
    }
    Ok(())
}
