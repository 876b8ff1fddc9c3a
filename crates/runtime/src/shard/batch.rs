//! What travels between the threads of a shard, in buffers that are used again.

use std::sync::{Arc, Mutex, PoisonError};

use allin_core::ids::Seq;
use allin_core::spot::event::Events;

use super::completion::Completion;
use super::inbox::QuerySender;
use crate::engine::{Answer, Batch, Record, SubmitError};

/// To the log: the commands of one batch. The core thread applies them at the same time.
pub(super) struct Unlogged {
    pub records: Arc<Vec<Record>>,
    /// From above; see [`super::admission::log_bytes_max`].
    pub bytes: u64,
}

/// To the publisher: what may be told once `last` is durable.
pub(super) struct Unpublished {
    pub last: Seq,
    /// The log's share is gone by the time `last` is durable.
    pub records: Arc<Vec<Record>>,
    /// Where the events of each record end.
    pub ends: Vec<u32>,
    pub events: Events,
    /// One for each record.
    pub completions: Vec<Completion>,
    pub answers: Vec<(QuerySender, Answer)>,
}

impl Unpublished {
    /// The log failed: whether these commands are on the disk is for the next start to find out.
    pub fn abandon(self) {
        for completion in self.completions {
            completion.refuse(SubmitError::Unknown);
        }
        for (sender, _) in self.answers {
            let _ = sender.send(Err(SubmitError::Unknown));
        }
    }
}

/// Buffers that were used and can be used again. Bounded, so that one burst is not kept for ever.
pub(crate) struct Pool {
    free: Mutex<Vec<Batch>>,
    small: Mutex<Vec<Small>>,
}

/// The buffers of a batch that are not published with it.
#[derive(Default)]
pub(super) struct Small {
    pub ends: Vec<u32>,
    pub completions: Vec<Completion>,
}

/// Buffers kept of each kind.
const POOL_MAX: usize = 64;
/// A buffer with room for more events than this is not kept.
const POOLED_EVENTS_MAX: usize = 65_536;

impl Pool {
    pub fn new() -> Pool {
        Pool { free: Mutex::default(), small: Mutex::default() }
    }

    pub(super) fn batch(&self) -> Batch {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn small(&self) -> Small {
        self.small.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes a batch back when nobody else holds it.
    pub fn give_back(&self, batch: Arc<Batch>) {
        let Some(mut batch) = Arc::into_inner(batch) else { return };
        if batch.events.capacity() > POOLED_EVENTS_MAX {
            return;
        }
        batch.records.clear();
        batch.events.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < POOL_MAX {
            free.push(batch);
        }
    }

    pub(super) fn give_back_small(&self, mut small: Small) {
        small.ends.clear();
        small.completions.clear();
        let mut free = self.small.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < POOL_MAX {
            free.push(small);
        }
    }
}
