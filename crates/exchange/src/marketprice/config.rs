//! `[marketprice]`.

use std::time::Duration;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

use crate::follow::Pace;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketPriceSection {
    /// Longest time between two commits while trades come in.
    pub commit_interval_ms: u64,
    /// Commands and events after which a commit does not wait for its time.
    pub commit_events_max: usize,
    /// How long one-second bars are kept; longer ones are kept for ever. Tickers over more than this begin at a minute.
    pub seconds_kept_s: u64,
    /// Newest trades kept of each market.
    pub deals_kept: u64,
}

impl Default for MarketPriceSection {
    fn default() -> Self {
        // Eight days of seconds, so that the longest ticker of seven is exact.
        Self { commit_interval_ms: 200, commit_events_max: 20_000, seconds_kept_s: 8 * 86_400, deals_kept: 10_000 }
    }
}

impl Section for MarketPriceSection {
    const NAME: &'static str = "marketprice";

    fn check(&self) -> Result<(), Invalid> {
        if !(1..=60_000).contains(&self.commit_interval_ms) {
            return Err(Invalid::new("commit_interval_ms", "is not between 1 and 60000"));
        }
        if self.commit_events_max == 0 {
            return Err(Invalid::new("commit_events_max", "must be positive"));
        }
        if self.seconds_kept_s < 3600 {
            return Err(Invalid::new("seconds_kept_s", "must be an hour at least"));
        }
        if self.deals_kept < 1000 {
            return Err(Invalid::new("deals_kept", "must be 1000 at least, which one question may ask for"));
        }
        Ok(())
    }
}

impl MarketPriceSection {
    pub(super) fn pace(&self) -> Pace {
        Pace { interval: Duration::from_millis(self.commit_interval_ms), events_max: self.commit_events_max }
    }
}
