//! The bounds of a shard. Every queue has one, and a name.

use std::time::Duration;

use allin_core::spot::Limits;

use crate::config::{EngineSection, LogSection, SnapshotSection};

/// Full batches that may be on their way to the disk: one that is synced, and those that gather meanwhile.
const BATCHES_IN_FLIGHT: usize = 4;

/// How a shard runs. The defaults suit one busy shard on a disk that syncs in a few milliseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardConfig {
    /// Set in the state by a command at the start, when it has others.
    pub limits: Limits,
    /// Commands accepted and not yet sequenced. Above it new orders and funding are refused as overloaded.
    pub inbox_max: usize,
    /// Room above `inbox_max` that only commands which reduce risk may use: cancels, reduces, countdowns.
    pub inbox_reserved_max: usize,
    /// Queries accepted and not yet answered from the state.
    pub queries_max: usize,
    /// Commands of one batch: sequenced, logged and published together.
    pub batch_max: usize,
    /// Batches, and their commands, that are sequenced but not yet durable.
    pub batches_in_flight_max: usize,
    pub commands_in_flight_max: usize,
    /// The same in bytes of the log, as estimated from above; a small segment lowers it.
    pub bytes_in_flight_max: u64,
    /// After this long without a command the log proves its last batch durable.
    pub mark_after: Duration,
    /// How often a log without room asks the disk again.
    pub reserve_every: Duration,
    /// The live digest is noted every so many sequences, for the replica to compare.
    pub digest_every: u64,
    /// A snapshot is written after this many commands, or when the last one is this old and any command came since.
    pub snapshot_commands: u64,
    pub snapshot_every: Duration,
    pub snapshot_on_stop: bool,
    /// How often the replica folds what has become durable.
    pub replica_every: Duration,
    /// What the bus keeps for subscribers; whoever needs more replays the log.
    pub bus_records_max: usize,
    pub bus_bytes_max: usize,
    /// Subscribers that may replay the log at the same time, each with a state of its own; more wait for their turn.
    pub replays_max: usize,
}

impl Default for ShardConfig {
    fn default() -> ShardConfig {
        ShardConfig {
            limits: Limits::default(),
            inbox_max: 65_536,
            inbox_reserved_max: 16_384,
            queries_max: 4_096,
            batch_max: 8_192,
            batches_in_flight_max: 1_024,
            commands_in_flight_max: 32_768,
            bytes_in_flight_max: 16 << 20,
            mark_after: Duration::from_millis(20),
            reserve_every: Duration::from_secs(1),
            digest_every: 4_096,
            snapshot_commands: 5_000_000,
            snapshot_every: Duration::from_secs(60),
            snapshot_on_stop: false,
            replica_every: Duration::from_millis(250),
            bus_records_max: 65_536,
            bus_bytes_max: 48 << 20,
            replays_max: 4,
        }
    }
}

impl ShardConfig {
    /// From the configuration file's sections.
    pub fn of(log: &LogSection, snapshot: &SnapshotSection, engine: &EngineSection) -> ShardConfig {
        let batch_max = log.batch_commands_max as usize;
        let reserved = engine.cancels_reserved as usize;
        let snapshots = snapshot.interval_s > 0;
        ShardConfig {
            limits: Limits { client_ids_max: engine.client_ids_max },
            inbox_max: engine.commands_queue_max as usize - reserved,
            inbox_reserved_max: reserved,
            queries_max: engine.queries_queue_max as usize,
            batch_max,
            commands_in_flight_max: BATCHES_IN_FLIGHT * batch_max,
            bytes_in_flight_max: BATCHES_IN_FLIGHT as u64 * log.batch_bytes_max,
            digest_every: engine.digest_interval,
            bus_records_max: engine.events_kept_max as usize,
            snapshot_commands: if snapshots { ShardConfig::default().snapshot_commands } else { u64::MAX },
            snapshot_every: if snapshots { Duration::from_secs(snapshot.interval_s) } else { Duration::MAX },
            ..ShardConfig::default()
        }
    }

    /// Every bound is above zero and goes with its neighbours.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let bounds = [
            self.inbox_max,
            self.inbox_reserved_max,
            self.queries_max,
            self.batch_max,
            self.batches_in_flight_max,
            self.commands_in_flight_max,
            self.bus_records_max,
            self.bus_bytes_max,
            self.replays_max,
        ];
        if bounds.contains(&0) || self.digest_every == 0 || self.snapshot_commands == 0 {
            return Err("a bound of the shard is zero");
        }
        if !self.limits.is_valid() {
            return Err("client_ids_max is zero or too large");
        }
        if self.batch_max > self.commands_in_flight_max {
            return Err("batch_max is above commands_in_flight_max");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sections_defaults_go_together() {
        let config = ShardConfig::of(&Default::default(), &Default::default(), &Default::default());
        assert_eq!(config.check(), Ok(()));
        assert_eq!((config.inbox_max, config.inbox_reserved_max), (57_344, 8_192));
        assert_eq!(config.snapshot_every, Duration::from_secs(60));
        let never = SnapshotSection { interval_s: 0, ..Default::default() };
        let config = ShardConfig::of(&Default::default(), &never, &Default::default());
        assert_eq!((config.snapshot_commands, config.snapshot_every), (u64::MAX, Duration::MAX));
    }

    #[test]
    fn a_bound_of_nothing_is_refused() {
        assert!(ShardConfig { inbox_max: 0, ..ShardConfig::default() }.check().is_err());
        let none = Limits { client_ids_max: 0 };
        assert!(ShardConfig { limits: none, ..ShardConfig::default() }.check().is_err());
        assert!(ShardConfig { batch_max: 1 << 20, ..ShardConfig::default() }.check().is_err());
    }
}
