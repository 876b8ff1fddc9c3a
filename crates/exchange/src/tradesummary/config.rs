//! `[tradesummary]`.

use std::time::Duration;

use allin_core::num::decimal;
use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

use crate::follow::Pace;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TradeSummarySection {
    /// Longest time between two commits while trades come in.
    pub commit_interval_ms: u64,
    /// Commands and events after which a commit does not wait for its time.
    pub commit_events_max: usize,
    /// Users kept in memory between commits.
    pub users_cached_max: usize,
    /// The asset in which volume is counted for the tiers.
    pub volume_asset: String,
    /// Assets that count one for one as the volume asset. Others are converted at the last price of their market with
    /// the volume asset, and count nothing while there is none.
    pub pegged_assets: Vec<String>,
    /// Volume of 30 days from which each tier is given: the first is tier 0, and each is larger than the one before.
    /// Users whose tier is beyond the last are an operator's business and left alone.
    pub tier_volumes: Vec<String>,
}

impl Default for TradeSummarySection {
    fn default() -> Self {
        let volumes = [
            "0",
            "1000000",
            "5000000",
            "20000000",
            "75000000",
            "150000000",
            "400000000",
            "800000000",
            "2000000000",
            "4000000000",
        ];
        Self {
            commit_interval_ms: 200,
            commit_events_max: 20_000,
            users_cached_max: 100_000,
            volume_asset: "USDT".to_owned(),
            pegged_assets: vec!["USD".to_owned(), "USDC".to_owned()],
            tier_volumes: volumes.map(str::to_owned).to_vec(),
        }
    }
}

impl Section for TradeSummarySection {
    const NAME: &'static str = "tradesummary";

    fn check(&self) -> Result<(), Invalid> {
        if !(1..=60_000).contains(&self.commit_interval_ms) {
            return Err(Invalid::new("commit_interval_ms", "is not between 1 and 60000"));
        }
        if self.commit_events_max == 0 {
            return Err(Invalid::new("commit_events_max", "must be positive"));
        }
        if self.users_cached_max == 0 {
            return Err(Invalid::new("users_cached_max", "must be positive"));
        }
        let parse = |text: &String| decimal::parse_unsigned(text, 0).ok();
        let volumes: Option<Vec<u128>> = self.tier_volumes.iter().map(parse).collect();
        let rising = |volumes: &Vec<u128>| volumes.windows(2).all(|pair| pair[0] < pair[1]);
        match volumes {
            Some(volumes) if volumes.first() == Some(&0) && rising(&volumes) && volumes.len() <= 1000 => Ok(()),
            _ => Err(Invalid::new("tier_volumes", "must be rising whole numbers, the first of them 0, 1000 at most")),
        }
    }
}

impl TradeSummarySection {
    pub(super) fn pace(&self) -> Pace {
        Pace { interval: Duration::from_millis(self.commit_interval_ms), events_max: self.commit_events_max }
    }
}
