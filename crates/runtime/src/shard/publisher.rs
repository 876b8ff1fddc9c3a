//! The publisher: lets replies, answers and events out once the log has them, in order of sequence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allin_core::spot::event::Event;
use crossbeam_channel::Receiver;
use metrics::{Counter, Gauge};

use super::batch::{Pool, Small, Unpublished};
use super::completion::{Completed, Completion, Place};
use super::fatal::Fatal;
use super::inbox::Inbox;
use super::porter::{Letter, Porter};
use super::progress::Progress;
use crate::bus::LocalBus;
use crate::engine::{Batch, Reply};

pub(super) struct Publisher {
    pub batches: Receiver<Unpublished>,
    pub progress: Arc<Progress>,
    pub bus: Arc<LocalBus>,
    pub pool: Arc<Pool>,
    pub inbox: Arc<Inbox>,
    pub applied: Arc<AtomicU64>,
    pub fatal: Fatal,
    pub series: Series,
    pub porter: Arc<Porter>,
}

pub(super) struct Series {
    rejects: Counter,
    events: Counter,
    inbox: Gauge,
    seq: Gauge,
}

impl Series {
    pub fn new(shard: &str) -> Series {
        let label = shard.to_owned();
        Series {
            rejects: metrics::counter!("allin_shard_rejects_total", "shard" => label.clone()),
            events: metrics::counter!("allin_shard_events_total", "shard" => label.clone()),
            inbox: metrics::gauge!("allin_shard_inbox_commands", "shard" => label.clone()),
            seq: metrics::gauge!("allin_shard_seq", "shard" => label),
        }
    }
}

impl Publisher {
    /// Runs until the core thread is gone and everything is told.
    pub fn run(self) {
        let _guard = self.fatal.guard("publisher");
        let mut letters = Vec::new();
        while let Ok(batch) = self.batches.recv() {
            if self.progress.wait_durable(batch.last) {
                self.publish(batch, &mut letters);
            } else {
                batch.abandon();
            }
        }
        self.porter.close();
        self.bus.close();
    }

    fn publish(&self, unpublished: Unpublished, letters: &mut Vec<Letter>) {
        let Unpublished { records, mut ends, events, mut completions, answers, .. } = unpublished;
        let mut records = Arc::into_inner(records).expect("the log lets go of a batch before it says durable");
        let mut start = 0;
        for (record, end) in records.iter_mut().zip(&ends) {
            record.events = start..*end;
            start = *end;
        }
        let batch = Arc::new(Batch { records, events });
        if batch.records.is_empty() {
            self.pool.give_back(batch);
        } else {
            // First the bus: who has an answer finds its sequence there.
            self.bus.publish(batch.clone());
            complete(&batch, &mut completions, letters);
            self.porter.deliver(letters);
            self.count(&batch);
        }
        for (sender, answer) in answers {
            let _ = sender.send(Ok(answer));
        }
        ends.clear();
        self.pool.give_back_small(Small { ends, completions });
    }

    fn count(&self, batch: &Batch) {
        let rejects = batch.events.iter().filter(|event| matches!(event, Event::Refused(_))).count();
        self.series.rejects.increment(rejects as u64);
        self.series.events.increment(batch.events.len() as u64);
        self.series.seq.set(self.applied.load(Ordering::Acquire) as f64);
        self.series.inbox.set(self.inbox.depth() as f64);
    }
}

/// Answers each command of the batch; replies to single ones go into `letters`. Neighbours of the same pipe share one lock and
/// one wake.
fn complete(batch: &Arc<Batch>, completions: &mut Vec<Completion>, letters: &mut Vec<Letter>) {
    let mut completions = completions.drain(..).enumerate().peekable();
    while let Some((index, completion)) = completions.next() {
        match completion {
            Completion::None => {}
            Completion::One(sender) => {
                let place = Place { batch: batch.clone(), index: index as u32 };
                let reply = Reply { seq: place.seq(), at: place.at(), events: place.events().to_vec() };
                letters.push((sender, reply));
            }
            Completion::Pipe(pipe, tag) => pipe.push(|queue| {
                let done = |index: usize, tag| {
                    let place = Place { batch: batch.clone(), index: index as u32 };
                    Completed { tag, outcome: Ok(place) }
                };
                queue.push_back(done(index, tag));
                let same =
                    |next: &(usize, Completion)| matches!(&next.1, Completion::Pipe(p, _) if Arc::ptr_eq(p, &pipe));
                while let Some((index, Completion::Pipe(_, tag))) = completions.next_if(same) {
                    queue.push_back(done(index, tag));
                }
            }),
        }
    }
}
