//! Trimming the topic: what no start, no consumer and no other machine needs any more goes, once a replay has proven it.
//!
//! The log then begins with the message in which a reader looks that stands at the anchor, a snapshot. The proof reads from
//! that very message on, up to the newest snapshot, before anything goes.

use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_core::spot::event::Events;
use allin_runtime::oplog::{Compacted, LogError, Machine, Options, Place, Proof, SnapshotStore};
use rdkafka::{Offset, TopicPartitionList};

use super::begin::begin;
use super::client::failed;
use super::log::KafkaLog;
use super::tail::{Judged, PARTITION, Tail};
use super::topic;

const LOOK: Duration = Duration::from_millis(100);
/// How long the next message may take, when there is one.
const PATIENCE: Duration = Duration::from_secs(30);
/// About as long is a record. A proof takes a replay, so no less goes at once than a segment of a log in files would hold.
const RECORD_BYTES: u64 = 128;

/// Removes what lies behind the newest snapshot that is no newer than `needed`: what the consumers have stored, and what other
/// machines can begin at. Nothing goes unless the log, replayed, gives that snapshot and every newer one; that they do not is
/// an error. With `dry` it only verifies and says what would go. Blocks.
pub fn compact<M: Machine>(
    log: &KafkaLog,
    snapshots: &SnapshotStore,
    options: &Options,
    (needed, dry): (Seq, bool),
    fresh: impl FnOnce() -> M,
) -> Result<Compacted, LogError> {
    let begin_before = begin(log)?;
    snapshots.begins(begin_before);
    let mut done = Compacted { begin: begin_before, ..Compacted::default() };
    let Some(anchor) = snapshots.pin(needed)? else { return Ok(done) };
    if anchor.0 + 1 < begin_before.0 + options.segment_bytes / RECORD_BYTES {
        return Ok(done);
    }
    let reached: Vec<Seq> = snapshots.list()?.into_iter().filter(|seq| seq.0 + 1 >= begin_before.0).collect();
    let proof = Proof { snapshots, reached: &reached, anchor, is_whole: begin_before == Seq(1) };
    // Where the reading from the anchor on began, unless the log does so already.
    let mut cut = None;
    let proven = proof.run(fresh, |machine, until| {
        let from = machine.seq();
        let mut tail = Tail::open(log, Place::of(machine))?;
        if from == anchor && tail.offset() > tail.beginning()? {
            cut = Some(tail.offset());
        }
        advance(log, &mut tail, machine, until)
    })?;
    (done.verified, done.replayed) = proven;
    done.anchor = Some(anchor);
    let Some(cut) = cut else { return Ok(done) };
    done.removed = vec![begin_before];
    if !dry {
        remove_before(log, cut)?;
        done.begin = begin(log)?;
        snapshots.begins(done.begin);
    }
    Ok(done)
}

/// Applies what lies between the state and a sequence.
fn advance<M: Machine>(log: &KafkaLog, tail: &mut Tail, machine: &mut M, until: Seq) -> Result<(), LogError> {
    let end = tail.end()?;
    let mut events = Events::new();
    let mut last = Instant::now();
    while machine.seq() < until {
        if tail.offset() >= end {
            let why = format!("it ends at sequence {}, before the snapshot of {}", machine.seq().0, until.0);
            return Err(LogError::Unfit { file: format!("the Kafka topic {}", log.topic()), why });
        }
        let came = tail.advance(LOOK, |judged| {
            if let Judged::Command(record) = judged
                && record.header.seq <= until
            {
                let entry = log.entry(record)?;
                events.clear();
                machine.apply(entry.seq, entry.at, &entry.command, &mut events);
            }
            Ok(())
        })?;
        if came {
            last = Instant::now();
        }
        if last.elapsed() > PATIENCE || log.is_closed() {
            return Err(failed("read", log.topic(), "its next messages do not come"));
        }
    }
    Ok(())
}

fn remove_before(log: &KafkaLog, cut: i64) -> Result<(), LogError> {
    let kept = |error: &dyn std::fmt::Display| failed("trim", log.topic(), error);
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(log.topic(), PARTITION, Offset::Offset(cut)).map_err(|error| kept(&error))?;
    let admin = topic::admin(log.brokers(), log.topic())?;
    let gone = topic::wait(admin.delete_records(&place, &topic::options())).map_err(|error| kept(&error))?;
    let element = gone.elements().into_iter().next().ok_or_else(|| kept(&"no answer"))?;
    element.error().map_err(|error| kept(&error))?;
    tracing::debug!(topic = log.topic(), cut, "removed the messages before");
    Ok(())
}
