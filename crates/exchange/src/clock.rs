//! The time of day for what has to be answered between two commands. Folds never use it: their time is the command's.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use allin_core::ids::Timestamp;

/// Gives the present time; tests give their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The system's clock.
pub fn system() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    })
}
