//! An event bus over batches that are all there from the start, and an engine that knows where they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_runtime::engine::{
    Answer, AnswerBody, Batch, BusError, Engine, EventBus, Query, Reply, SubmitError, Subscription,
};
use async_trait::async_trait;

pub struct ReadyBus {
    batches: Arc<Vec<Arc<Batch>>>,
    /// A subscriber is dropped after so many batches; 0 never.
    drop_after: usize,
    pub subscriptions: AtomicU64,
}

impl ReadyBus {
    pub fn new(batches: Vec<Batch>, drop_after: usize) -> Arc<Self> {
        let batches = Arc::new(batches.into_iter().map(Arc::new).collect());
        Arc::new(Self { batches, drop_after, subscriptions: AtomicU64::new(0) })
    }

    pub fn last(&self) -> Seq {
        self.batches.last().and_then(|batch| batch.last_seq()).unwrap_or_default()
    }
}

struct Reading {
    batches: Arc<Vec<Arc<Batch>>>,
    next: usize,
    first: Option<Batch>,
    left: usize,
}

#[async_trait]
impl EventBus for ReadyBus {
    async fn subscribe(&self, _name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError> {
        self.subscriptions.fetch_add(1, Ordering::Relaxed);
        let next = self.batches.partition_point(|batch| batch.last_seq() < Some(from));
        // The batch in which it begins is cut.
        let first = self.batches.get(next).map(|batch| {
            let mut cut = Batch { records: Vec::new(), events: batch.events.clone() };
            cut.records = batch.records.iter().filter(|record| record.seq >= from).cloned().collect();
            let start = cut.records.first().map_or(0, |record| record.events.start);
            cut.events.drain(..start as usize);
            for record in &mut cut.records {
                record.events = record.events.start - start..record.events.end - start;
            }
            cut
        });
        let left = if self.drop_after == 0 { usize::MAX } else { self.drop_after };
        Ok(Box::new(Reading { batches: self.batches.clone(), next, first, left }))
    }
}

#[async_trait]
impl Engine for ReadyBus {
    async fn submit(&self, _command: Command) -> Result<Reply, SubmitError> {
        Err(SubmitError::ReadOnly)
    }

    async fn query(&self, _query: Query) -> Result<Answer, SubmitError> {
        let body = AnswerBody::Status { epoch: Epoch(1), digest: 0, durable: self.last() };
        Ok(Answer { seq: self.last(), at: Timestamp(0), body })
    }
}

#[async_trait]
impl Subscription for Reading {
    async fn next(&mut self) -> Result<Arc<Batch>, BusError> {
        if self.left == 0 {
            return Err(BusError::Behind(self.next as u64));
        }
        let Some(batch) = self.batches.get(self.next) else {
            return std::future::pending().await;
        };
        self.next += 1;
        self.left -= 1;
        Ok(self.first.take().map_or_else(|| batch.clone(), Arc::new))
    }
}
