//! Checks a log and the snapshots beside it: only reads, also while the exchange runs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_core::spot::event::Events;
use allin_runtime::oplog::{LogError, Machine, Place, SnapshotMeta, SnapshotStore, Tail as End, Verified, oldest};

use super::begin::begin;
use super::client::failed;
use super::log::KafkaLog;
use super::tail::{Judged, Tail};

const LOOK: Duration = Duration::from_millis(100);
/// How long the next message may take, when there is one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Replays the log to its present end, and compares digest and hash at each snapshot on the way: from its first record, or,
/// when it was trimmed, from the oldest usable snapshot that it reaches back to.
pub fn verify<M: Machine>(log: &KafkaLog, snapshots: &SnapshotStore, fresh: M) -> Result<Verified<M>, LogError> {
    let first = begin(log)?;
    let machine = if first == Seq(1) { fresh } else { oldest(snapshots, first)? };
    let begin = machine.seq();
    let mut tail = Tail::open(log, Place::of(&machine))?;
    let mut faults = vec![];
    let mut expected = VecDeque::new();
    for seq in snapshots.list()? {
        match snapshots.restore::<M>(seq) {
            Ok((meta, _)) if meta.seq > begin => expected.push_back(meta),
            Ok(_) => {}
            // Removed by a running instance, to make room for a newer one.
            Err(_) if !snapshots.list()?.contains(&seq) => {}
            Err(error) => faults.push(error.to_string()),
        }
    }
    let mut replay = Replay { machine, expected, agreed: vec![], faults };
    let read = replay.run(log, &mut tail);
    let end = End { offset: tail.offset() as u64, torn: 0 };
    match &read {
        Ok(()) => replay.missing(),
        Err(error) => replay.faults.push(error.to_string()),
    }
    let Replay { machine, agreed, faults, .. } = replay;
    Ok(Verified { machine, begin, snapshots: agreed, tail: read.is_ok().then_some(end), faults })
}

struct Replay<M> {
    machine: M,
    expected: VecDeque<SnapshotMeta>,
    agreed: Vec<SnapshotMeta>,
    faults: Vec<String>,
}

impl<M: Machine> Replay<M> {
    fn run(&mut self, log: &KafkaLog, tail: &mut Tail) -> Result<(), LogError> {
        let end = tail.end()?;
        let mut events = Events::new();
        let mut last = Instant::now();
        while tail.offset() < end {
            let came = tail.advance(LOOK, |judged| {
                if let Judged::Command(record) = judged {
                    let entry = log.entry(record)?;
                    events.clear();
                    self.machine.apply(entry.seq, entry.at, &entry.command, &mut events);
                    self.compare();
                }
                Ok(())
            })?;
            if came {
                last = Instant::now();
            }
            if last.elapsed() > PATIENCE {
                return Err(failed("read", log.topic(), "its last messages do not come"));
            }
        }
        Ok(())
    }

    fn compare(&mut self) {
        let Some(said) = self.expected.pop_front_if(|meta| meta.seq == self.machine.seq()) else { return };
        let replayed = SnapshotMeta::of(&self.machine);
        if said == replayed {
            self.agreed.push(said);
        } else {
            let seq = said.seq.0;
            self.faults
                .push(format!("the snapshot of sequence {seq} says {said:?}, but the replay gives {replayed:?}"));
        }
    }

    fn missing(&mut self) {
        let last = self.machine.seq().0;
        for meta in self.expected.drain(..) {
            self.faults.push(format!("there is a snapshot of sequence {}, but the log ends at {last}", meta.seq.0));
        }
    }
}
