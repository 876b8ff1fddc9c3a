//! Makes old events again: a snapshot from before, and the log from there on.

use std::sync::Arc;

use allin_core::ids::Seq;
use allin_core::spot::event::Events;

use crate::engine::{Batch, Record};
use crate::oplog::{Log, LogError, LogReader, Place, SnapshotStore};
use crate::shard::StateMachine;

/// Records of one batch that a replay makes.
const REPLAY_RECORDS_MAX: usize = 1_024;

/// A shard's past.
pub(crate) trait Source: Send + Sync + 'static {
    /// Stands before `from`. Blocks, as long as it takes to fold the log up to there.
    fn replay(&self, from: Seq) -> Result<Box<dyn Replay>, LogError>;
}

pub(crate) trait Replay: Send {
    /// The next batch, none when everything up to `until` was given. Blocks.
    fn next(&mut self, until: Seq) -> Result<Option<Batch>, LogError>;
}

/// Folds a log with a state machine of its own.
pub struct LogReplay<M> {
    log: Arc<dyn Log>,
    snapshots: SnapshotStore,
    fresh: Arc<dyn Fn() -> M + Send + Sync>,
}

impl<M: StateMachine> LogReplay<M> {
    pub fn new(log: Arc<dyn Log>, snapshots: SnapshotStore, fresh: Arc<dyn Fn() -> M + Send + Sync>) -> LogReplay<M> {
        LogReplay { log, snapshots, fresh }
    }

    /// The newest state that a snapshot gives before `from`, and the log after it.
    pub(crate) fn open(&self, from: Seq) -> Result<(M, Box<dyn LogReader>), LogError> {
        let machine = self.snapshot_before(from)?.unwrap_or_else(|| (self.fresh)());
        let reader = self.log.read(Place::of(&machine))?;
        Ok((machine, reader))
    }

    fn snapshot_before(&self, from: Seq) -> Result<Option<M>, LogError> {
        for seq in self.snapshots.list()?.into_iter().rev().filter(|seq| *seq < from) {
            match self.snapshots.restore(seq) {
                Ok((_, machine)) => return Ok(Some(machine)),
                // It may just have been removed for newer ones; an older one only takes longer.
                Err(error) => tracing::warn!(seq = seq.0, %error, "passing over a snapshot"),
            }
        }
        Ok(None)
    }
}

impl<M: StateMachine> Source for LogReplay<M> {
    fn replay(&self, from: Seq) -> Result<Box<dyn Replay>, LogError> {
        let (mut machine, mut reader) = self.open(from)?;
        let before = Seq(from.0 - 1);
        let mut events = Events::new();
        while let Some(entry) = reader.next(before)? {
            events.clear();
            machine.apply(entry.seq, entry.at, &entry.command, &mut events);
        }
        Ok(Box::new(Cursor { machine, reader }))
    }
}

struct Cursor<M> {
    machine: M,
    reader: Box<dyn LogReader>,
}

impl<M: StateMachine> Replay for Cursor<M> {
    fn next(&mut self, until: Seq) -> Result<Option<Batch>, LogError> {
        let mut records = Vec::new();
        let mut events = Events::new();
        while records.len() < REPLAY_RECORDS_MAX {
            let Some(entry) = self.reader.next(until)? else { break };
            let start = events.len() as u32;
            self.machine.apply(entry.seq, entry.at, &entry.command, &mut events);
            let end = events.len() as u32;
            records.push(Record {
                seq: entry.seq,
                epoch: entry.epoch,
                at: entry.at,
                command: entry.command,
                events: start..end,
            });
        }
        Ok((!records.is_empty()).then_some(Batch { records, events }))
    }
}
