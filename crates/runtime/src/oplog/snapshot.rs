//! Snapshots of the state: written aside, synced, renamed; read back only when every byte is as written.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};

use super::{LogError, Options};
use crate::storage::Storage;

/// What a snapshot is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotMeta {
    pub seq: Seq,
    pub epoch: Epoch,
    pub at: Timestamp,
    pub digest: u64,
    pub state_hash: u64,
}

/// The snapshots of a shard.
pub struct SnapshotStore {
    _storage: Arc<dyn Storage>,
}

impl SnapshotStore {
    pub fn new(storage: Arc<dyn Storage>, _options: &Options) -> SnapshotStore {
        SnapshotStore { _storage: storage }
    }

    /// Writes a snapshot: `produce` is given the sink, as `Spot::snapshot` wants it. Older ones beyond the number to keep
    /// are removed after.
    pub fn write(
        &self,
        _meta: SnapshotMeta,
        _produce: impl FnOnce(&mut dyn FnMut(&[u8])),
    ) -> Result<(), LogError> {
        Err(LogError::Full)
    }

    /// Sequences of the snapshots, oldest first.
    pub fn list(&self) -> Result<Vec<Seq>, LogError> {
        Ok(Vec::new())
    }

    /// Reads one back whole; refused when any byte differs from what was written.
    pub fn load(&self, seq: Seq) -> Result<(SnapshotMeta, Vec<u8>), LogError> {
        Err(LogError::Gone {
            wanted: seq.0,
            first: 0,
        })
    }
}
