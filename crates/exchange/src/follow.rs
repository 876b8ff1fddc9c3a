//! How a consumer follows the log: load what is stored, subscribe from the next sequence, fold, commit in batches, and
//! begin again from what is stored whenever anything fails. There is one way into the state, so a crash, a broken store
//! and a lost subscription are all the same thing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use allin_core::ids::Seq;
use allin_core::spot::event::Event;
use allin_runtime::engine::{AnswerBody, Batch, Engine, EventBus, Query, Record};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::service::{Readiness, ServiceError, Stopping};

/// How long a failed consumer waits before it begins again: doubled each time, up to the last.
const RETRY_WAIT: Duration = Duration::from_millis(100);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(5);
/// How often the lag is measured.
const LAG_INTERVAL: Duration = Duration::from_secs(1);

/// A failure of the world around a consumer; it begins again from what is stored.
pub type FollowError = Box<dyn std::error::Error + Send + Sync>;

/// A state that is folded from the log.
#[async_trait]
pub trait Fold: Send + 'static {
    /// Forgets what is in memory and takes up what is stored; gives the sequence up to which that goes. `durable` is the
    /// log's end: what is stored beyond it belongs to another log and is to be dropped.
    async fn load(&mut self, durable: Seq) -> Result<Seq, FollowError>;

    /// What is in memory is the state of one sequence only from here on; of [`Fold::load`]'s last state.
    fn whole_from(&self) -> Seq {
        Seq(0)
    }

    /// Loads what the batch needs and memory has not; before [`Fold::apply`] of its commands.
    async fn prepare(&mut self, _batch: &Batch) -> Result<(), FollowError> {
        Ok(())
    }

    /// Folds the next command's events.
    fn apply(&mut self, record: &Record, events: &[Event]);

    /// Stores everything folded so far, with its sequence, in one transaction. Not called when there is nothing new.
    async fn commit(&mut self) -> Result<(), FollowError>;
}

/// When to commit: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub interval: Duration,
    /// Checked between batches.
    pub events_max: usize,
}

/// How far a consumer has come; shared with whoever answers questions or measures.
#[derive(Debug, Default)]
pub struct Progress {
    folded: AtomicU64,
    committed: AtomicU64,
    caught_up: AtomicBool,
}

impl Progress {
    /// In memory.
    pub fn folded(&self) -> Seq {
        Seq(self.folded.load(Ordering::Acquire))
    }

    /// In the store.
    pub fn committed(&self) -> Seq {
        Seq(self.committed.load(Ordering::Acquire))
    }

    /// For a consumer that follows by itself.
    pub(crate) fn tell(&self, folded: Seq, committed: Seq) {
        self.folded.store(folded.0, Ordering::Release);
        self.committed.store(committed.0, Ordering::Release);
    }

    /// Nothing that is in memory may be told until the next life has caught up.
    pub(crate) fn fall_behind(&self) {
        self.caught_up.store(false, Ordering::Release);
    }

    /// False while a consumer makes up for what it missed before it began: its state is that of some time ago.
    pub fn caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }
}

/// What a consumer is given.
pub struct Follower<F> {
    /// The service's name: of its subscription, in its log lines and metrics.
    pub name: &'static str,
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    pub fold: F,
    pub pace: Pace,
    pub progress: Arc<Progress>,
}

impl<F: Fold> Follower<F> {
    /// Runs until the service stops; commits what it has by then.
    pub async fn run(mut self, readiness: Readiness, mut stopping: Stopping) -> Result<(), ServiceError> {
        let mut wait = RETRY_WAIT;
        loop {
            let started = Instant::now();
            match self.follow(&readiness, &mut stopping).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!(service = self.name, %error, "begins again from what is stored");
                    metrics::counter!("allin_consumer_restarts_total", "service" => self.name).increment(1);
                }
            }
            readiness.set(false);
            if started.elapsed() > RETRY_WAIT_MAX {
                wait = RETRY_WAIT;
            }
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(RETRY_WAIT_MAX);
        }
    }

    /// One life: from what is stored to the stop, or to the first failure.
    async fn follow(&mut self, readiness: &Readiness, stopping: &mut Stopping) -> Result<(), FollowError> {
        let durable = tokio::select! {
            () = stopping.wait() => return Ok(()),
            durable = durable_seq(&*self.engine) => durable?,
        };
        let position = self.fold.load(durable).await?;
        let durable = durable.max(self.fold.whole_from());
        self.progress.caught_up.store(position >= durable, Ordering::Release);
        self.progress.folded.store(position.0, Ordering::Release);
        self.progress.committed.store(position.0, Ordering::Release);
        let mut subscription = tokio::select! {
            () = stopping.wait() => return Ok(()),
            subscribed = self.bus.subscribe(self.name, Seq(position.0 + 1)) => subscribed?,
        };
        tracing::info!(service = self.name, position = position.0, durable = durable.0, "follows the log");
        let mut pending = 0;
        let mut due = Instant::now() + self.pace.interval;
        loop {
            let caught_up = self.progress.folded() >= durable;
            self.progress.caught_up.store(caught_up, Ordering::Release);
            readiness.set(caught_up);
            let batch = {
                // Not dropped before it is done: a subscription need not take being asked and left.
                let mut next = subscription.next();
                loop {
                    tokio::select! {
                        biased;
                        () = stopping.wait() => {
                            drop(next);
                            return self.commit(&mut pending).await;
                        }
                        () = tokio::time::sleep_until(due), if pending > 0 => {
                            self.commit(&mut pending).await?;
                        }
                        batch = &mut next => break batch?,
                    }
                }
            };
            if pending == 0 {
                due = Instant::now() + self.pace.interval;
            }
            self.fold.prepare(&batch).await?;
            for (record, events) in batch.iter() {
                let expected = self.progress.folded().0 + 1;
                if record.seq.0 != expected {
                    return Err(format!("sequence {} where {expected} was due", record.seq.0).into());
                }
                self.fold.apply(record, events);
                self.progress.folded.store(record.seq.0, Ordering::Release);
            }
            pending += batch.records.len() + batch.events.len();
            if pending >= self.pace.events_max || pending > 0 && Instant::now() >= due {
                self.commit(&mut pending).await?;
            }
        }
    }

    async fn commit(&mut self, pending: &mut usize) -> Result<(), FollowError> {
        if *pending == 0 {
            return Ok(());
        }
        self.fold.commit().await?;
        *pending = 0;
        self.progress.committed.store(self.progress.folded().0, Ordering::Release);
        Ok(())
    }
}

/// Measures how far a consumer is behind the log, until the service stops.
pub async fn measure_lag(
    name: &'static str,
    engine: Arc<dyn Engine>,
    progress: Arc<Progress>,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    loop {
        if let Ok(durable) = durable_seq(&*engine).await {
            let lag = |seq: Seq| durable.0.saturating_sub(seq.0) as f64;
            metrics::gauge!("allin_consumer_lag_sequences", "service" => name).set(lag(progress.folded()));
            metrics::gauge!("allin_consumer_uncommitted_lag_sequences", "service" => name)
                .set(lag(progress.committed()));
            metrics::gauge!("allin_consumer_sequence", "service" => name).set(progress.folded().0 as f64);
        }
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(LAG_INTERVAL) => {}
        }
    }
}

/// The log's end.
pub(crate) async fn durable_seq(engine: &dyn Engine) -> Result<Seq, FollowError> {
    match engine.query(Query::Status).await?.body {
        AnswerBody::Status { durable, .. } => Ok(durable),
        other => Err(format!("the engine answered its status with {other:?}").into()),
    }
}
