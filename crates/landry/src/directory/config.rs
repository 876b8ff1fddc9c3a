//! `[directory]`: how services of other processes know of users and keys.

use std::time::Duration;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectorySection {
    /// userserver gives a sign of life to its followers in this interval.
    pub beat_ms: u64,
    /// A follower that has heard nothing for so long refuses signed requests: a key could have been revoked meanwhile.
    pub stale_max_ms: u64,
}

impl Default for DirectorySection {
    fn default() -> Self {
        Self { beat_ms: 250, stale_max_ms: 5_000 }
    }
}

impl DirectorySection {
    pub fn beat(&self) -> Duration {
        Duration::from_millis(self.beat_ms)
    }

    pub fn stale_max(&self) -> Duration {
        Duration::from_millis(self.stale_max_ms)
    }
}

impl Section for DirectorySection {
    const NAME: &'static str = "directory";

    fn check(&self) -> Result<(), Invalid> {
        if !(10..=10_000).contains(&self.beat_ms) {
            return Err(Invalid::new("beat_ms", "is not between 10 and 10000"));
        }
        if !(2 * self.beat_ms..=600_000).contains(&self.stale_max_ms) {
            return Err(Invalid::new("stale_max_ms", "is not between two beats and 600000"));
        }
        Ok(())
    }
}
