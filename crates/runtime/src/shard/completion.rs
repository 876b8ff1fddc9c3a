//! How the answer of a command finds the one who sent it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allin_core::ids::{Seq, Timestamp};
use allin_core::spot::event::Event;
use tokio::sync::{Notify, oneshot};

use crate::engine::{Batch, Record, Reply, SubmitError};

/// Where an answer goes.
#[derive(Debug)]
pub enum Completion {
    /// Nobody waits.
    None,
    /// One waits, for this command.
    One(oneshot::Sender<Result<Reply, SubmitError>>),
    /// A pipeline's queue, with the tag of the command.
    Pipe(Arc<Pipe>, u64),
}

impl Completion {
    pub(super) fn refuse(self, error: SubmitError) {
        match self {
            Completion::None => {}
            // Whoever went away does not want to know.
            Completion::One(sender) => drop(sender.send(Err(error))),
            Completion::Pipe(pipe, tag) => pipe.push_one(Completed { tag, outcome: Err(error) }),
        }
    }
}

/// An answer of a pipeline: shares the batch, so that no events are copied.
#[derive(Clone, Debug)]
pub struct Completed {
    pub tag: u64,
    pub outcome: Result<Place, SubmitError>,
}

/// A record's place in a durable batch.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) batch: Arc<Batch>,
    pub(super) index: u32,
}

impl Place {
    pub fn record(&self) -> &Record {
        &self.batch.records[self.index as usize]
    }

    pub fn events(&self) -> &[Event] {
        let range = &self.record().events;
        &self.batch.events[range.start as usize..range.end as usize]
    }

    pub fn seq(&self) -> Seq {
        self.record().seq
    }

    pub fn at(&self) -> Timestamp {
        self.record().at
    }
}

/// Completed commands of one sender, in order of sequence; refusals come as soon as they are known.
#[derive(Debug)]
pub struct Pipe {
    queue: Mutex<VecDeque<Completed>>,
    async_arrived: Notify,
    thread_arrived: Condvar,
    /// Sent and not yet received back, against the bound of [`super::Pipeline`].
    outstanding: AtomicUsize,
}

impl Pipe {
    pub(super) fn new() -> Pipe {
        Pipe {
            queue: Mutex::default(),
            async_arrived: Notify::new(),
            thread_arrived: Condvar::new(),
            outstanding: AtomicUsize::new(0),
        }
    }

    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Acquire)
    }

    pub(super) fn sent(&self, count: usize) {
        self.outstanding.fetch_add(count, Ordering::AcqRel);
    }

    pub(super) fn unsent(&self, count: usize) {
        self.outstanding.fetch_sub(count, Ordering::AcqRel);
    }

    /// Several answers under one lock and with one wake.
    pub(super) fn push(&self, push: impl FnOnce(&mut VecDeque<Completed>)) {
        push(&mut self.lock());
        self.async_arrived.notify_one();
        self.thread_arrived.notify_one();
    }

    pub(super) fn push_one(&self, completed: Completed) {
        self.push(|queue| queue.push_back(completed));
    }

    /// Moves what is there to `into`; says how many.
    pub(super) fn drain(&self, into: &mut Vec<Completed>) -> usize {
        let mut queue = self.lock();
        let count = queue.len();
        into.extend(queue.drain(..));
        drop(queue);
        self.unsent(count);
        count
    }

    pub(super) async fn arrived(&self) {
        self.async_arrived.notified().await;
    }

    /// Waits on this thread until something is there, at most `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        let queue = self.lock();
        let waited = self.thread_arrived.wait_timeout_while(queue, timeout, |queue| queue.is_empty());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Completed>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
