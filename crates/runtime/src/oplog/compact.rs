//! Trimming: what no start and no consumer needs any more goes, once a replay has proven that it is not needed.
//!
//! The log then begins behind an anchor: the newest snapshot that is no newer than the oldest of those that are kept, nor than
//! what any consumer has stored. Whole segments go, the oldest first, each for good before the next; so wherever it ends, the
//! log is what it was, or the same from a later segment on.

use std::sync::Arc;

use allin_core::ids::Seq;

use super::cursor::Cursor;
use super::recover::replay;
use super::{LOG_DIR, LogError, Machine, Options, SnapshotMeta, SnapshotStore, segment};
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
    /// First sequences of the segments that are gone.
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
    /// Older than the kept ones, the anchor, the kept ones: all that the log reaches back to, oldest first.
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
        let (verified, replayed) = self.verify(&plan, fresh)?;
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
        let kept = &all[all.len().saturating_sub(self.options.snapshots_keep)..];
        // With one snapshot there would be nothing to compare it with, and no other when it is damaged.
        let [oldest, _, ..] = kept else { return Ok(None) };
        let bound = stored.min(*oldest);
        let reached: Vec<Seq> = all.iter().copied().filter(|seq| seq.0 + 1 >= begin.0).collect();
        let Some(anchor) = reached.iter().copied().rfind(|seq| *seq <= bound) else { return Ok(None) };
        // A segment is behind the anchor when the next one is where the log after it begins, or before that.
        let behind = segments.windows(2).take_while(|pair| pair[1].0 <= anchor.0 + 1);
        let goes: Vec<Seq> = behind.map(|pair| pair[0]).collect();
        Ok((!goes.is_empty()).then_some(Plan { segments, snapshots: reached, anchor, goes }))
    }

    /// Replays what is to go up to the anchor, and from the anchor as it was loaded to the newest snapshot.
    fn verify<M: Machine>(&self, plan: &Plan, fresh: impl FnOnce() -> M) -> Result<(Vec<Seq>, u64), LogError> {
        let mut replayed = 0;
        let (said, anchor) = self.loaded::<M>(plan.anchor)?;
        if let Some(mut machine) = self.before(plan, fresh) {
            let from = machine.seq();
            self.advance(plan, &mut machine, plan.anchor)?;
            replayed += plan.anchor.0 - from.0;
            self.compare(&machine, said)?;
        }
        let (mut machine, mut verified) = (anchor, vec![plan.anchor]);
        for seq in plan.snapshots.iter().copied().filter(|seq| *seq > plan.anchor) {
            let from = machine.seq();
            self.advance(plan, &mut machine, seq)?;
            replayed += seq.0 - from.0;
            let (said, _) = self.loaded::<M>(seq)?;
            self.compare(&machine, said)?;
            verified.push(seq);
        }
        Ok((verified, replayed))
    }

    /// The state to begin with: the newest before the anchor that can be had. None when the log begins at the anchor, or all
    /// before it are damaged; then what goes could not be used anyway.
    fn before<M: Machine>(&self, plan: &Plan, fresh: impl FnOnce() -> M) -> Option<M> {
        for seq in plan.snapshots.iter().rev().copied().filter(|seq| *seq < plan.anchor) {
            match self.loaded(seq) {
                Ok((_, machine)) => return Some(machine),
                Err(error) => tracing::warn!(%error, "verifying from before a snapshot that cannot be used"),
            }
        }
        (plan.segments[0] == Seq(1)).then(fresh)
    }

    /// A snapshot whose every byte is as written, and whose state has the hash that it says.
    fn loaded<M: Machine>(&self, seq: Seq) -> Result<(SnapshotMeta, M), LogError> {
        let (meta, machine) = self.snapshots.restore::<M>(seq)?;
        self.compare(&machine, meta)?;
        Ok((meta, machine))
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

    fn compare(&self, machine: &impl Machine, said: SnapshotMeta) -> Result<(), LogError> {
        let found = SnapshotMeta::of(machine);
        if found == said {
            return Ok(());
        }
        let why = format!("the snapshot is of {said:?}, but the log gives {found:?}: nothing is trimmed");
        Err(LogError::Unfit { file: self.snapshots.describe(said.seq), why })
    }
}
