//! `[historyreader]`.

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryReaderSection {
    /// Most rows of one answer, and what is given when no limit is asked for.
    pub page_max: u32,
}

impl Default for HistoryReaderSection {
    fn default() -> Self {
        Self { page_max: 1000 }
    }
}

impl Section for HistoryReaderSection {
    const NAME: &'static str = "historyreader";

    fn check(&self) -> Result<(), Invalid> {
        match self.page_max {
            1..=10_000 => Ok(()),
            _ => Err(Invalid::new("page_max", "is not between 1 and 10000")),
        }
    }
}
