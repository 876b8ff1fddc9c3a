//! The newest batches, within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use allin_core::ids::Seq;
use allin_core::spot::event::Event;

use crate::engine::{Batch, Record};

pub(super) struct Ring {
    batches: VecDeque<Arc<Batch>>,
    records: usize,
    bytes: usize,
    last: Seq,
    records_max: usize,
    bytes_max: usize,
}

/// Where a sequence is.
pub(super) enum Found {
    /// In the ring, in this batch.
    Here(Arc<Batch>),
    /// No more in the ring, or so close to its end that it would soon fall out.
    Older,
    NotYet,
}

impl Ring {
    pub fn new(last: Seq, records_max: usize, bytes_max: usize) -> Ring {
        Ring { batches: VecDeque::new(), records: 0, bytes: 0, last, records_max, bytes_max }
    }

    /// Adds the next batch; gives back those that fell out.
    pub fn push(&mut self, batch: Arc<Batch>) -> Vec<Arc<Batch>> {
        assert_eq!(batch.first_seq(), Some(Seq(self.last.0 + 1)), "the bus has no gap");
        self.last = batch.last_seq().unwrap_or(self.last);
        self.records += batch.records.len();
        self.bytes += bytes(&batch);
        self.batches.push_back(batch);
        let mut evicted = Vec::new();
        while self.batches.len() > 1 && (self.records > self.records_max || self.bytes > self.bytes_max) {
            if let Some(batch) = self.batches.pop_front() {
                self.records -= batch.records.len();
                self.bytes -= bytes(&batch);
                evicted.push(batch);
            }
        }
        evicted
    }

    /// Finds the batch that holds `seq`. For one who `replays`, only the newer half counts: who has just caught up should
    /// not fall out again at once.
    pub fn find(&self, seq: Seq, replays: bool) -> Found {
        if seq > self.last {
            return Found::NotYet;
        }
        let first = match self.batches.front().and_then(|batch| batch.first_seq()) {
            Some(first) if replays => Seq(first.0 + self.records as u64 / 2),
            Some(first) => first,
            None => return Found::Older,
        };
        if seq < first {
            return Found::Older;
        }
        let at = self.batches.partition_point(|batch| batch.last_seq() < Some(seq));
        self.batches.get(at).map_or(Found::Older, |batch| Found::Here(batch.clone()))
    }
}

fn bytes(batch: &Batch) -> usize {
    batch.records.len() * size_of::<Record>() + batch.events.len() * size_of::<Event>()
}

/// The records of a batch from `seq` on; the batch itself when that is all of it.
pub(super) fn from_seq(batch: Arc<Batch>, seq: Seq) -> Arc<Batch> {
    let skip = batch.records.partition_point(|record| record.seq < seq);
    let Some(first) = batch.records.get(skip).filter(|_| skip > 0) else { return batch };
    let base = first.events.start;
    let mut records = batch.records[skip..].to_vec();
    for record in &mut records {
        record.events = record.events.start - base..record.events.end - base;
    }
    Arc::new(Batch { records, events: batch.events[base as usize..].to_vec() })
}
