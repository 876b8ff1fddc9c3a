//! `[cachecenter]`.

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheCenterSection {
    /// Newest trades kept of each market.
    pub deals_kept: usize,
    /// Slots of open orders that a start asks the engine for at once; the engine is held up for one such page at a time.
    pub standing_page: u32,
    /// Messages that a subscriber may be behind before its stream is ended.
    pub subscriber_queue_max: usize,
    /// Streams open at once.
    pub subscribers_max: usize,
    /// How often tickers and snapshots that changed are pushed and published.
    pub publish_interval_ms: u64,
    /// Levels a side of a published snapshot.
    pub publish_levels: usize,
    /// Life of what is published. It is renewed in half of that, so that an end of the role is seen.
    pub publish_ttl_s: u64,
    /// How long after its end a bar without further trades is told as closed: trades of its last moment may be on the way.
    pub close_grace_ms: u64,
}

impl Default for CacheCenterSection {
    fn default() -> Self {
        Self {
            deals_kept: 1000,
            standing_page: 2000,
            subscriber_queue_max: 1024,
            subscribers_max: 10_000,
            publish_interval_ms: 1000,
            publish_levels: 100,
            publish_ttl_s: 60,
            close_grace_ms: 500,
        }
    }
}

impl Section for CacheCenterSection {
    const NAME: &'static str = "cachecenter";

    fn check(&self) -> Result<(), Invalid> {
        let positive = [
            ("deals_kept", self.deals_kept),
            ("standing_page", self.standing_page as usize),
            ("subscriber_queue_max", self.subscriber_queue_max),
            ("subscribers_max", self.subscribers_max),
            ("publish_levels", self.publish_levels),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(Invalid::new(key, "must be positive"));
        }
        if !(10..=60_000).contains(&self.publish_interval_ms) {
            return Err(Invalid::new("publish_interval_ms", "is not between 10 and 60000"));
        }
        if self.publish_ttl_s * 1000 < 4 * self.publish_interval_ms {
            return Err(Invalid::new("publish_ttl_s", "must be four publish intervals at least"));
        }
        Ok(())
    }
}
