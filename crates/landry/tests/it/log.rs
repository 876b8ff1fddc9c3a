//! Engine and bus over the state machine itself: every command is durable at once, and every state is remembered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_core::spot::{Limits, Spot};
use allin_runtime::engine::{
    Answer, AnswerBody, Batch, BusError, Engine, EventBus, Query, Record, Reply, SubmitError, Subscription,
};
use allin_runtime::shard::StateMachine;
use async_trait::async_trait;
use tokio::sync::watch;

pub struct Log {
    state: Mutex<State>,
    durable: watch::Sender<usize>,
}

struct State {
    spot: Spot,
    now: Timestamp,
    batches: Vec<Arc<Batch>>,
}

impl Log {
    pub fn new(now: Timestamp) -> Arc<Log> {
        let spot = Spot::new(Limits::default());
        Arc::new(Log { state: Mutex::new(State { spot, now, batches: Vec::new() }), durable: watch::channel(0).0 })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Moves the clock.
    pub fn pass(&self, micros: u64) {
        let mut state = self.state();
        state.now = state.now.plus(micros);
    }

    pub fn seq(&self) -> Seq {
        self.state().spot.seq()
    }

    /// Reads the state as it is now.
    pub fn look<R>(&self, look: impl FnOnce(&Spot) -> R) -> R {
        look(&self.state().spot)
    }

    /// Applies at a time of its own; gives what is seen of the state right after it.
    pub fn apply_at<R>(&self, at: Timestamp, command: Command, look: impl FnOnce(&Spot) -> R) -> (Reply, R) {
        let mut state = self.state();
        state.now = state.now.max(at);
        let seq = Seq(state.spot.seq().0 + 1);
        let mut events = Vec::new();
        state.spot.apply(seq, at, &command, &mut events);
        let record = Record { seq, epoch: Epoch(1), at, command, events: 0..events.len() as u32 };
        state.batches.push(Arc::new(Batch { records: vec![record], events: events.clone() }));
        let seen = look(&state.spot);
        self.durable.send_replace(state.batches.len());
        (Reply { seq, at, events }, seen)
    }

    pub fn apply(&self, command: Command) -> Reply {
        self.apply_at(self.now(), command, |_| ()).0
    }
}

#[async_trait]
impl Engine for Log {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        Ok(self.apply(command))
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        // Between other tasks' turns, as an engine elsewhere would answer.
        tokio::task::yield_now().await;
        let state = self.state();
        let body = match query {
            Query::Status => {
                AnswerBody::Status { epoch: Epoch(1), digest: state.spot.digest(), durable: state.spot.seq() }
            }
            query => StateMachine::answer(&state.spot, &query),
        };
        Ok(Answer { seq: state.spot.seq(), at: state.now, body })
    }
}

/// The log as a bus.
pub struct LogBus(pub Arc<Log>);

#[async_trait]
impl EventBus for LogBus {
    async fn subscribe(&self, _name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError> {
        let next = from.0 as usize - 1;
        Ok(Box::new(Reader { log: self.0.clone(), durable: self.0.durable.subscribe(), next }))
    }
}

struct Reader {
    log: Arc<Log>,
    durable: watch::Receiver<usize>,
    next: usize,
}

#[async_trait]
impl Subscription for Reader {
    async fn next(&mut self) -> Result<Arc<Batch>, BusError> {
        let next = self.next;
        self.durable.wait_for(|durable| *durable > next).await.map_err(|_| BusError::Closed)?;
        self.next += 1;
        Ok(self.log.state().batches[next].clone())
    }
}
