//! What an operator may set.

use std::time::Duration;

/// Bounds of the writer.
#[derive(Clone, Debug)]
pub struct Config {
    /// Rows gathered before they are written, unless time is up first.
    pub batch_rows_max: usize,
    /// How long a row waits for others at most.
    pub batch_wait: Duration,
    /// Batches of events read ahead.
    pub batches_ahead_max: usize,
    /// Orders, and balances, that are remembered between batches; others are read from the tables when needed.
    pub cache_max: usize,
    /// Between two tries when the database is away: the first and the longest wait.
    pub retry_min: Duration,
    pub retry_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_rows_max: 50_000,
            batch_wait: Duration::from_millis(50),
            batches_ahead_max: 16,
            cache_max: 500_000,
            retry_min: Duration::from_millis(50),
            retry_max: Duration::from_secs(5),
        }
    }
}
