//! Folding the log, and taking it over: the claim fences everybody else, and only then is the tail finished.

use std::time::{Duration, Instant};

use allin_core::ids::Epoch;
use allin_core::spot::Ahead;
use allin_core::spot::event::Events;
use allin_runtime::oplog::{Entry, Led, LogError, Machine, Place, SnapshotStore, newest};

use super::begin::begin;
use super::client::failed;
use super::log::KafkaLog;
use super::message::{self, ClaimId};
use super::tail::{Judged, Tail};
use super::writer::KafkaWriter;

/// How long to look for the next message at once.
const LOOK: Duration = Duration::from_millis(100);
/// How long a log that does not grow any more may keep a start waiting, and a claim that was sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// A state, and its place in the log.
pub struct Fold<M> {
    machine: M,
    tail: Tail,
    log: KafkaLog,
    entries: Vec<Entry>,
    events: Events,
    /// The claim that was read last.
    begun: Option<(Epoch, ClaimId)>,
    /// Connected ahead of need.
    writer: Option<KafkaWriter>,
}

impl<M: Machine> Fold<M> {
    /// From the newest usable snapshot, or the state before the first command.
    pub fn open(log: &KafkaLog, snapshots: &SnapshotStore, fresh: impl FnOnce() -> M) -> Result<Fold<M>, LogError> {
        let begin = begin(log)?;
        snapshots.begins(begin);
        let machine = newest(snapshots, begin, fresh)?;
        let tail = Tail::open(log, Place::of(&machine))?;
        Ok(Fold { machine, tail, log: log.clone(), entries: vec![], events: Events::new(), begun: None, writer: None })
    }

    /// Gets ready to lead at once.
    pub fn prepare(&mut self) -> Result<(), LogError> {
        self.writer = Some(KafkaWriter::new(&self.log)?);
        Ok(())
    }

    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// Applies what the next message brings. False when none came in time.
    pub fn advance(&mut self, timeout: Duration) -> Result<bool, LogError> {
        let Fold { tail, log, entries, begun, machine, events, .. } = self;
        entries.clear();
        let came = tail.advance(timeout, |judged| {
            match judged {
                Judged::Command(record) => entries.push(log.entry(record)?),
                Judged::Begin { epoch, id } => *begun = Some((epoch, id)),
            }
            Ok(())
        })?;
        let mut ahead = Ahead::default();
        for (index, entry) in entries.iter().enumerate() {
            machine.look_ahead(&mut ahead, index, |at| entries.get(at).map(|entry| &entry.command));
            events.clear();
            machine.apply(entry.seq, entry.at, &entry.command, events);
        }
        Ok(came)
    }

    /// Applies everything that is in the log at this moment. It may grow faster than it is read, so the end is asked once.
    pub fn catch_up(&mut self) -> Result<(), LogError> {
        let end = self.tail.end()?;
        let mut last = Instant::now();
        while self.tail.offset() < end {
            if self.advance(LOOK)? {
                last = Instant::now();
            }
            if last.elapsed() > PATIENCE {
                return Err(failed("read", self.log.topic(), "its last messages do not come"));
            }
        }
        if self.tail.is_anchored() {
            return Ok(());
        }
        let seq = self.machine.seq().0;
        let why =
            format!("it ends before sequence {seq}, of which there is a snapshot: the log's newest part is missing");
        Err(LogError::Unfit { file: format!("the Kafka topic {}", self.log.topic()), why })
    }

    /// Takes the log over: fences whoever wrote until now, finishes what had come in before, and goes on from there.
    pub fn lead(mut self) -> Result<Led<M>, LogError> {
        self.catch_up()?;
        let epoch = Epoch(self.tail.judge().epoch.0.max(self.machine.epoch().0) + 1);
        let mut id = ClaimId::default();
        getrandom::fill(&mut id).map_err(|error| failed("begin an epoch of", self.log.topic(), error))?;
        let mut writer = self.writer.take().map_or_else(|| KafkaWriter::new(&self.log), Ok)?;
        writer.begin(epoch);
        let (shard, at) = (self.log.shard(), self.machine.time());
        writer.send(&message::claim(shard, epoch, at, self.machine.seq(), id), at)?;
        let sent = Instant::now();
        // Records of the old epoch that came in before the claim still count, and are applied on the way.
        while self.tail.judge().epoch < epoch {
            self.advance(LOOK)?;
            writer.check()?;
            if sent.elapsed() > PATIENCE {
                return Err(failed("begin an epoch of", self.log.topic(), "the claim does not come back"));
            }
        }
        if self.begun != Some((epoch, id)) {
            return Err(LogError::Deposed { epoch: epoch.0, by: self.tail.judge().epoch.0 });
        }
        tracing::info!(topic = self.log.topic(), epoch = epoch.0, seq = self.machine.seq().0, "took the log over");
        writer.follow(self.tail, self.machine.seq());
        Ok(Led { machine: self.machine, epoch, writer: Box::new(writer) })
    }
}
