//! Owns the embedded event bus: recent batches in memory, everything older made again from the log.
//! Never makes the engine wait for a subscriber; never skips or repeats a sequence.
//! Known limits: a replay starts from the newest snapshot before the place asked for, or from the first command.

mod replay;
mod ring;
mod subscription;

pub use replay::LogReplay;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use allin_core::ids::Seq;
use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

use crate::engine::{Batch, BusError, EventBus, Subscription};
use crate::shard::{Pool, ShardConfig};
use replay::Source;
use ring::Ring;
use subscription::LocalSubscription;

/// How far the bus is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Published {
    last: Seq,
    closed: bool,
}

/// The bus of a shard in this process.
pub struct LocalBus {
    ring: Mutex<Ring>,
    published: watch::Sender<Published>,
    source: Arc<dyn Source>,
    /// One turn a replay.
    turns: Arc<Semaphore>,
    pool: Arc<Pool>,
    /// Subscriptions hold the bus.
    me: Weak<LocalBus>,
}

impl LocalBus {
    pub(crate) fn new(last: Seq, config: &ShardConfig, source: Arc<dyn Source>, pool: Arc<Pool>) -> Arc<LocalBus> {
        Arc::new_cyclic(|me| LocalBus {
            ring: Mutex::new(Ring::new(last, config.bus_records_max, config.bus_bytes_max)),
            published: watch::channel(Published { last, closed: false }).0,
            source,
            turns: Arc::new(Semaphore::new(config.replays_max)),
            pool,
            me: me.clone(),
        })
    }

    /// Only what is durable.
    pub(crate) fn publish(&self, batch: Arc<Batch>) {
        let Some(last) = batch.last_seq() else { return };
        let mut evicted = self.lock().push(batch);
        self.published.send_modify(|published| published.last = last);
        for batch in evicted.drain(..) {
            self.pool.give_back(batch);
        }
    }

    /// Subscribers get what is published, and then the end.
    pub(crate) fn close(&self) {
        self.published.send_modify(|published| published.closed = true);
    }

    pub fn last(&self) -> Seq {
        self.published.borrow().last
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventBus for LocalBus {
    async fn subscribe(&self, name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError> {
        let from = from.max(Seq(1));
        let published = self.published.subscribe();
        let last = published.borrow().last;
        if from.0 > last.0 + 1 {
            let (from, last) = (from.0, last.0);
            return Err(BusError::Log(format!(
                "{name} asks for sequence {from}, but the log ends at {last}: it was cut or is another log"
            )));
        }
        let bus = self.me.upgrade().ok_or(BusError::Closed)?;
        Ok(Box::new(LocalSubscription::new(name, from, bus, published)))
    }
}
