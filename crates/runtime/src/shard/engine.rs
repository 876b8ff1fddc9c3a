//! The shard as its users see it: [`LocalEngine`] for one command at a time, [`Pipeline`] for thousands in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allin_core::ids::Seq;
use allin_core::spot::command::Command;
use async_trait::async_trait;
use tokio::sync::oneshot;

use super::completion::{Completed, Completion, Pipe};
use super::inbox::Inbox;
use super::porter::Porter;
use super::progress::Progress;
use crate::engine::{Answer, Engine, Query, Reply, SubmitError};

/// A shard of this process.
pub struct LocalEngine {
    pub(super) inbox: Arc<Inbox>,
    pub(super) progress: Arc<Progress>,
    pub(super) applied: Arc<AtomicU64>,
    pub(super) porter: Arc<Porter>,
}

impl LocalEngine {
    /// Sends a command; `completion` gets the answer. An error means that it was not taken, and `completion` is dropped.
    pub fn submit_with(&self, command: Command, completion: Completion) -> Result<(), SubmitError> {
        self.inbox.submit(command, completion)
    }

    /// A pipeline with at most `in_flight_max` commands on their way.
    pub fn pipeline(self: &Arc<Self>, in_flight_max: usize) -> Pipeline {
        Pipeline { engine: self.clone(), pipe: Arc::new(Pipe::new()), in_flight_max }
    }

    /// The last sequence applied; it may not be durable yet.
    pub fn applied(&self) -> Seq {
        Seq(self.applied.load(Ordering::Acquire))
    }

    pub fn durable(&self) -> Seq {
        self.progress.get().durable
    }

    /// While the log has no room for new orders.
    pub fn is_read_only(&self) -> bool {
        self.inbox.is_read_only()
    }
}

#[async_trait]
impl Engine for LocalEngine {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        self.porter.engage();
        let (sender, receiver) = oneshot::channel();
        if let Some(wake) = self.inbox.submit_quietly(command, Completion::One(sender))? {
            // Other connections that are ready get their turn first, so that the core finds their commands too.
            tokio::task::yield_now().await;
            drop(wake);
        }
        receiver.await.unwrap_or(Err(SubmitError::Unknown))
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        let (sender, receiver) = oneshot::channel();
        self.inbox.query(query, sender)?;
        receiver.await.unwrap_or(Err(SubmitError::Unknown))
    }
}

/// Many commands in flight for one sender, without a task or an allocation for each. Answers come in order of sequence,
/// each with the tag of its command; refusals come at once.
pub struct Pipeline {
    engine: Arc<LocalEngine>,
    pipe: Arc<Pipe>,
    in_flight_max: usize,
}

impl Pipeline {
    /// Sends one command. After an error nothing more is heard of it.
    pub fn submit(&self, tag: u64, command: Command) -> Result<(), SubmitError> {
        if self.free() == 0 {
            return Err(SubmitError::Overloaded);
        }
        self.pipe.sent(1);
        let taken = self.engine.inbox.submit(command, Completion::Pipe(self.pipe.clone(), tag));
        if taken.is_err() {
            self.pipe.unsent(1);
        }
        taken
    }

    /// Sends many under one lock, as many as fit in this pipeline, from the front; what did not fit stays. Those that the
    /// engine refused are in `refused`.
    pub fn submit_all(&self, commands: &mut Vec<(u64, Command)>, refused: &mut Vec<(u64, SubmitError)>) {
        let count = commands.len().min(self.free());
        let before = refused.len();
        self.pipe.sent(count);
        let pipe = |tag| Completion::Pipe(self.pipe.clone(), tag);
        self.engine.inbox.submit_all(&mut commands.drain(..count), pipe, refused);
        self.pipe.unsent(refused.len() - before);
    }

    /// How many more fit.
    pub fn free(&self) -> usize {
        self.in_flight_max.saturating_sub(self.pipe.outstanding())
    }

    /// Sent, and not yet received back.
    pub fn in_flight(&self) -> usize {
        self.pipe.outstanding()
    }

    /// Appends what has completed to `into`, waiting for at least one.
    pub async fn completed(&self, into: &mut Vec<Completed>) {
        while self.completed_now(into) == 0 {
            self.arrived().await;
        }
    }

    /// The same without waiting; says how many came.
    pub fn completed_now(&self, into: &mut Vec<Completed>) -> usize {
        self.pipe.drain(into)
    }

    /// Returns after something has completed since the last call, or after [`Pipeline::poke`]. For one waiter.
    pub async fn arrived(&self) {
        self.pipe.arrived().await;
    }

    /// Wakes the waiter.
    pub fn poke(&self) {
        self.pipe.push(|_| ());
    }

    /// Completes a command that was never sent.
    pub fn refuse(&self, tag: u64, error: SubmitError) {
        self.pipe.sent(1);
        self.pipe.push_one(Completed { tag, outcome: Err(error) });
    }

    /// Appends what has completed, on a thread of one's own, waiting at most `timeout`; says how many came.
    pub fn completed_within(&self, timeout: Duration, into: &mut Vec<Completed>) -> usize {
        match self.pipe.drain(into) {
            0 if !timeout.is_zero() => {
                self.pipe.wait(timeout);
                self.pipe.drain(into)
            }
            count => count,
        }
    }
}
