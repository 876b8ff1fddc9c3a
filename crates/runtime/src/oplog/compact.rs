//! Trimming: what no start and no consumer needs any more goes, once a replay has proven that it is not needed.
//!
//! The log then begins behind an anchor: the newest snapshot that is no newer than the oldest of those that are kept, nor than
//! what any consumer has stored. Whole segments go, the oldest first, each for good before the next; so wherever it ends, the
//! log is what it was, or the same from a later segment on.

use std::sync::Arc;

use allin_core::ids::Seq;

use super::cursor::Cursor;
use super::recover::replay;
use super::{LOG_DIR, LogError, Machine, Options, Proof, SnapshotStore, segment};
use crate::storage::Storage;

/// What a compaction found and did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Compacted {
    /// The first sequence that the log has now.
    pub begin: Seq,
    /// The snapshot behind which the log was trimmed; none when there is nothing to trim.
    pub anchor: Option<Seq>,
    /// Snapshots that a replay of the log gave as they are.
    pub verified: Vec<Seq>,
    /// First sequences of the pieces that are gone: of segments, or of what Kafka removed at once.
    pub removed: Vec<Seq>,
    /// Records replayed to verify.
    pub replayed: u64,
}

/// A log of files and its snapshots, to be trimmed; also beside the one that writes it.
#[derive(Clone)]
pub struct Compactor {
    storage: Arc<dyn Storage>,
    options: Options,
    snapshots: SnapshotStore,
}

/// What may go, and behind what.
struct Plan {
    segments: Vec<Seq>,
    /// All that the log reaches back to, oldest first.
    snapshots: Vec<Seq>,
    anchor: Seq,
    goes: Vec<Seq>,
}

impl Compactor {
    /// `snapshots` is the very store that whoever writes snapshots uses, or a clone of it, so that none goes meanwhile.
    pub fn new(storage: Arc<dyn Storage>, options: &Options, snapshots: SnapshotStore) -> Compactor {
        Compactor { storage, options: options.clone(), snapshots }
    }

    /// The first sequence of the log.
    pub fn begin(&self) -> Result<Seq, LogError> {
        Ok(segment::list(&*self.storage)?.first().copied().unwrap_or(Seq(1)))
    }

    /// Removes what lies behind the newest snapshot that every consumer is beyond: they have stored everything up to
    /// `stored`. Nothing is removed unless the log, replayed, gives that snapshot and every newer one; that they do not is an
    /// error. With `dry` it only verifies and says what would go. `fresh` makes the state before the first command.
    pub fn compact<M: Machine>(
        &self,
        stored: Seq,
        dry: bool,
        fresh: impl FnOnce() -> M,
    ) -> Result<Compacted, LogError> {
        let Some(plan) = self.plan(stored)? else {
            return Ok(Compacted { begin: self.begin()?, ..Compacted::default() });
        };
        let proof = Proof {
            snapshots: &self.snapshots,
            reached: &plan.snapshots,
            anchor: plan.anchor,
            is_whole: plan.segments[0] == Seq(1),
        };
        let (verified, replayed) = proof.run(fresh, |machine, until| self.advance(&plan, machine, until))?;
        let mut done = Compacted {
            begin: plan.segments[0],
            anchor: Some(plan.anchor),
            verified,
            replayed,
            ..Compacted::default()
        };
        if dry {
            done.removed = plan.goes;
            return Ok(done);
        }
        let _held = self.snapshots.hold();
        if !self.snapshots.list()?.contains(&plan.anchor) {
            // A newer snapshot has taken its place meanwhile: the next time.
            return Ok(Compacted { anchor: None, ..done });
        }
        for first in &plan.goes {
            let name = segment::name(*first);
            let removed = self.storage.remove(&name).and_then(|()| self.storage.sync_dir(LOG_DIR));
            removed.map_err(|e| LogError::io("remove", self.storage.describe(&name), e))?;
            done.removed.push(*first);
        }
        done.begin = self.begin()?;
        Ok(done)
    }

    /// None when there is nothing that may go.
    fn plan(&self, stored: Seq) -> Result<Option<Plan>, LogError> {
        let segments = segment::list(&*self.storage)?;
        let Some(begin) = segments.first() else { return Ok(None) };
        let all = self.snapshots.list()?;
        let Some(anchor) = self.snapshots.anchor(&all, *begin, stored) else { return Ok(None) };
        let reached: Vec<Seq> = all.iter().copied().filter(|seq| seq.0 + 1 >= begin.0).collect();
        // A segment is behind the anchor when the next one is where the log after it begins, or before that.
        let behind = segments.windows(2).take_while(|pair| pair[1].0 <= anchor.0 + 1);
        let goes: Vec<Seq> = behind.map(|pair| pair[0]).collect();
        Ok((!goes.is_empty()).then_some(Plan { segments, snapshots: reached, anchor, goes }))
    }

    fn advance<M: Machine>(&self, plan: &Plan, machine: &mut M, until: Seq) -> Result<(), LogError> {
        let first =
            plan.segments.iter().rev().find(|first| first.0 <= machine.seq().0 + 1).unwrap_or(&plan.segments[0]);
        let mut cursor = Cursor::open(self.storage.clone(), &self.options.shard, *first)?;
        let ended = replay(&mut cursor, machine, until)?;
        if machine.seq() == until {
            return Ok(());
        }
        let why = format!("the log ends at sequence {}, before the snapshot of {}", machine.seq().0, until.0);
        debug_assert!(ended.is_some());
        Err(LogError::Unfit { file: self.storage.describe(LOG_DIR), why })
    }
}
