//! `[historywriter]`.

use std::time::Duration;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

/// Bounds of the writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryWriterSection {
    /// Rows gathered before they are written, unless their time is up first.
    pub batch_rows_max: usize,
    /// How long a row waits for others at most.
    pub batch_wait_ms: u64,
    /// Batches of events read ahead.
    pub batches_ahead_max: usize,
    /// Orders, and balances, remembered between batches; others are read from the tables when needed.
    pub cache_max: usize,
    /// Between two tries when the database is away: the longest wait.
    pub retry_wait_max_ms: u64,
}

/// `[history]`: what the tables keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySection {
    /// Whole months before the present one that are kept; 0 keeps everything.
    pub keep_months: u32,
}

impl Section for HistorySection {
    const NAME: &'static str = "history";

    fn check(&self) -> Result<(), Invalid> {
        match self.keep_months {
            0..=1200 => Ok(()),
            _ => Err(Invalid::new("keep_months", "is not between 0 and 1200")),
        }
    }
}

impl Default for HistoryWriterSection {
    fn default() -> Self {
        Self {
            batch_rows_max: 50_000,
            batch_wait_ms: 50,
            batches_ahead_max: 16,
            cache_max: 500_000,
            retry_wait_max_ms: 5000,
        }
    }
}

impl Section for HistoryWriterSection {
    const NAME: &'static str = "historywriter";

    fn check(&self) -> Result<(), Invalid> {
        for (key, value) in [
            ("batch_rows_max", self.batch_rows_max),
            ("batches_ahead_max", self.batches_ahead_max),
            ("cache_max", self.cache_max),
        ] {
            if !(1..=100_000_000).contains(&value) {
                return Err(Invalid::new(key, "is not between 1 and 100000000"));
            }
        }
        for (key, value) in [("batch_wait_ms", self.batch_wait_ms), ("retry_wait_max_ms", self.retry_wait_max_ms)] {
            if !(1..=60_000).contains(&value) {
                return Err(Invalid::new(key, "is not between 1 and 60000"));
            }
        }
        Ok(())
    }
}

impl HistoryWriterSection {
    pub(super) fn batch_wait(&self) -> Duration {
        Duration::from_millis(self.batch_wait_ms)
    }

    /// The first wait before another try, and the longest.
    pub(super) fn retry_waits(&self) -> (Duration, Duration) {
        (Duration::from_millis(self.retry_wait_max_ms.min(50)), Duration::from_millis(self.retry_wait_max_ms))
    }
}
