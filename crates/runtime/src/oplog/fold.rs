//! Goes through the log with a state, as a start does, but only reads: for verifying and looking back, also while the
//! exchange runs.

use std::sync::Arc;

use allin_core::ids::Seq;

use super::cursor::{Cursor, Tail};
use super::recover::replay;
use super::{LogError, Machine, Options, SnapshotMeta, SnapshotStore, segment};
use crate::storage::Storage;

/// A state at some sequence, and the log after it.
pub struct Fold<M> {
    pub machine: M,
    cursor: Cursor,
    snapshots: SnapshotStore,
    begin: Seq,
}

/// What [`Fold::verify`] found.
pub struct Verified<M> {
    /// The state after the last good record.
    pub machine: M,
    /// The sequence whose state the replay began from: 0, or that of the oldest snapshot when the log was trimmed.
    pub begin: Seq,
    /// The snapshots that agreed with the replay.
    pub snapshots: Vec<SnapshotMeta>,
    /// What follows the last record; none after a fault in the log.
    pub tail: Option<Tail>,
    /// Everything that is not as it should be. Empty: the log is good.
    pub faults: Vec<String>,
}

impl<M: Machine> Fold<M> {
    /// Before the first command, or, when the log was trimmed, at the oldest usable snapshot that it reaches back to.
    pub fn begin(storage: Arc<dyn Storage>, options: &Options, fresh: impl FnOnce() -> M) -> Result<Fold<M>, LogError> {
        let segments = segment::list(&*storage)?;
        let snapshots = SnapshotStore::new(storage.clone(), options);
        let first = *segments.first().ok_or(LogError::Gone { wanted: 1, first: 0 })?;
        let machine = if first == Seq(1) { fresh() } else { oldest(&snapshots, first)? };
        let begin = machine.seq();
        let first = *segments.iter().rev().find(|first| first.0 <= begin.0 + 1).unwrap_or(&first);
        let cursor = Cursor::open(storage, &options.shard, first)?;
        Ok(Fold { machine, cursor, snapshots, begin })
    }

    /// Applies everything up to `until`. Gives the end of the log when it comes before.
    pub fn advance(&mut self, until: Seq) -> Result<Option<Tail>, LogError> {
        replay(&mut self.cursor, &mut self.machine, until)
    }

    /// Checks every record and snapshot and replays them all, comparing the digest and hash of the state at each snapshot.
    pub fn verify(mut self) -> Result<Verified<M>, LogError> {
        let (mut faults, mut agreed, mut tail) = (Vec::new(), Vec::new(), None);
        let mut broken = false;
        for seq in self.snapshots.list()? {
            let loaded = match self.snapshots.restore::<M>(seq) {
                Ok((meta, _)) => meta,
                // Removed by a running instance, to make room for a newer one.
                Err(_) if !self.snapshots.list()?.contains(&seq) => continue,
                Err(error) => {
                    faults.push(error.to_string());
                    continue;
                }
            };
            if broken || seq < self.begin {
                continue;
            }
            match self.advance(seq) {
                Ok(None) if SnapshotMeta::of(&self.machine) == loaded => agreed.push(loaded),
                Ok(None) => {
                    let replayed = SnapshotMeta::of(&self.machine);
                    faults.push(format!(
                        "the snapshot of sequence {} says {loaded:?}, but the replay gives {replayed:?}",
                        seq.0
                    ));
                }
                Ok(Some(_)) => {
                    let last = self.machine.seq().0;
                    faults.push(format!("there is a snapshot of sequence {}, but the log ends at {last}", seq.0));
                    broken = true;
                }
                Err(error) => {
                    faults.push(error.to_string());
                    broken = true;
                }
            }
        }
        if !broken {
            match self.advance(Seq(u64::MAX)) {
                Ok(end) => tail = end,
                Err(error) => faults.push(error.to_string()),
            }
        }
        Ok(Verified { machine: self.machine, begin: self.begin, snapshots: agreed, tail, faults })
    }
}

/// The state of the oldest snapshot that can be used, and that a log reaches back to which begins with `first`.
pub fn oldest<M: Machine>(snapshots: &SnapshotStore, first: Seq) -> Result<M, LogError> {
    let mut refused = LogError::Gone { wanted: 1, first: first.0 };
    for seq in snapshots.list()?.into_iter().filter(|seq| seq.0 + 1 >= first.0) {
        match snapshots.restore(seq) {
            Ok((_, machine)) => return Ok(machine),
            // A fault that is told; what follows can be looked at all the same.
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
