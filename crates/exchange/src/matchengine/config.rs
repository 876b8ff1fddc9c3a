//! `[matchengine]`.

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchEngineSection {
    /// Commands of one stream that are on their way; the stream is read no further until some are answered.
    pub stream_commands_max: usize,
    /// Records of one message to a subscriber.
    pub event_batch_records_max: usize,
}

impl Default for MatchEngineSection {
    fn default() -> Self {
        Self { stream_commands_max: 16_384, event_batch_records_max: 1024 }
    }
}

impl Section for MatchEngineSection {
    const NAME: &'static str = super::ROLE;

    fn check(&self) -> Result<(), Invalid> {
        if self.stream_commands_max == 0 {
            return Err(Invalid::new("stream_commands_max", "must be positive"));
        }
        if self.event_batch_records_max == 0 {
            return Err(Invalid::new("event_batch_records_max", "must be positive"));
        }
        Ok(())
    }
}
