//! What has to be so before any of a log goes: replayed, it gives the snapshot that it is to begin behind, and, from that
//! snapshot as it was loaded, every newer one.

use allin_core::ids::Seq;

use super::{LogError, Machine, SnapshotMeta, SnapshotStore};

/// A log of whatever kind, and its snapshots.
pub struct Proof<'a> {
    pub snapshots: &'a SnapshotStore,
    /// All that the log reaches back to, oldest first.
    pub reached: &'a [Seq],
    /// What the log is to begin behind.
    pub anchor: Seq,
    /// Whether the log begins with its first command.
    pub is_whole: bool,
}

impl Proof<'_> {
    /// Gives the snapshots that agreed, and how many commands were replayed. `advance` applies what the log has between the
    /// state and a sequence; that it ends before is an error.
    pub fn run<M: Machine>(
        &self,
        fresh: impl FnOnce() -> M,
        mut advance: impl FnMut(&mut M, Seq) -> Result<(), LogError>,
    ) -> Result<(Vec<Seq>, u64), LogError> {
        let mut replayed = 0;
        let mut to = |machine: &mut M, until: Seq| {
            let from = machine.seq();
            advance(machine, until)?;
            debug_assert_eq!(machine.seq(), until);
            replayed += until.0 - from.0;
            Ok::<(), LogError>(())
        };
        let (said, anchor) = self.loaded::<M>(self.anchor)?;
        if let Some(mut machine) = self.before(fresh) {
            to(&mut machine, self.anchor)?;
            self.compare(&machine, said)?;
        }
        let (mut machine, mut verified) = (anchor, vec![self.anchor]);
        for seq in self.reached.iter().copied().filter(|seq| *seq > self.anchor) {
            to(&mut machine, seq)?;
            let (said, _) = self.loaded::<M>(seq)?;
            self.compare(&machine, said)?;
            verified.push(seq);
        }
        Ok((verified, replayed))
    }

    /// The state to begin with: the newest before the anchor that can be had. None when the log begins at the anchor, or all
    /// before it are damaged; then what goes could not be used anyway.
    fn before<M: Machine>(&self, fresh: impl FnOnce() -> M) -> Option<M> {
        for seq in self.reached.iter().rev().copied().filter(|seq| *seq < self.anchor) {
            match self.loaded(seq) {
                Ok((_, machine)) => return Some(machine),
                Err(error) => tracing::warn!(%error, "verifying from before a snapshot that cannot be used"),
            }
        }
        self.is_whole.then(fresh)
    }

    /// A snapshot whose every byte is as written, and whose state has the hash that it says.
    fn loaded<M: Machine>(&self, seq: Seq) -> Result<(SnapshotMeta, M), LogError> {
        let (meta, machine) = self.snapshots.restore::<M>(seq)?;
        self.compare(&machine, meta)?;
        Ok((meta, machine))
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
