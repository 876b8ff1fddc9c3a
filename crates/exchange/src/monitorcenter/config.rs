//! `[monitorcenter]`.

use std::time::Duration;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorCenterSection {
    /// A service that has not reported for so long is silent.
    pub silent_after_ms: u64,
    /// Most instances of services.
    pub instances_max: usize,
    /// Most series that are kept over time, of all instances together.
    pub series_max: usize,
    /// Newest points of a series; one a report.
    pub points_max: usize,
    /// Newest events.
    pub events_max: usize,
    /// Largest body of a report.
    pub report_bytes_max: usize,
}

impl Default for MonitorCenterSection {
    fn default() -> Self {
        // Ten minutes at one report a second; 16 bytes a point, so 80 MB when all series are in use.
        Self {
            silent_after_ms: 5000,
            instances_max: 1000,
            series_max: 8192,
            points_max: 600,
            events_max: 1000,
            report_bytes_max: 1 << 20,
        }
    }
}

impl Section for MonitorCenterSection {
    const NAME: &'static str = "monitorcenter";

    fn check(&self) -> Result<(), Invalid> {
        if !(100..=600_000).contains(&self.silent_after_ms) {
            return Err(Invalid::new("silent_after_ms", "is not between 100 and 600000"));
        }
        for (key, value, max) in [
            ("instances_max", self.instances_max, 100_000),
            ("series_max", self.series_max, 10_000_000),
            ("points_max", self.points_max, 1_000_000),
            ("events_max", self.events_max, 1_000_000),
            ("report_bytes_max", self.report_bytes_max, 64 << 20),
        ] {
            if !(1..=max).contains(&value) {
                return Err(Invalid::new(key, format!("is not between 1 and {max}")));
            }
        }
        Ok(())
    }
}

impl MonitorCenterSection {
    pub(super) fn silent_after(&self) -> Duration {
        Duration::from_millis(self.silent_after_ms)
    }
}
