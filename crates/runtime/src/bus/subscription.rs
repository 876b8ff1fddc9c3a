//! One subscriber's place on the bus.

use std::sync::Arc;

use allin_core::ids::Seq;
use async_trait::async_trait;
use metrics::Gauge;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;

use super::replay::Replay;
use super::ring::{Found, from_seq};
use super::{LocalBus, Published};
use crate::engine::{Batch, BusError, Subscription};
use crate::oplog::LogError;

pub(super) struct LocalSubscription {
    name: &'static str,
    next: Seq,
    bus: Arc<LocalBus>,
    published: watch::Receiver<Published>,
    replaying: Option<Replaying>,
    lag: Gauge,
}

/// A replay whose next batch is being made on a thread for blocking work while the subscriber handles the last.
struct Replaying {
    step: JoinHandle<Step>,
    _turn: OwnedSemaphorePermit,
}

type Step = Result<(Box<dyn Replay>, Option<Batch>), LogError>;

impl LocalSubscription {
    pub fn new(
        name: &'static str,
        next: Seq,
        bus: Arc<LocalBus>,
        published: watch::Receiver<Published>,
    ) -> LocalSubscription {
        let lag = metrics::gauge!("allin_bus_subscriber_lag", "subscriber" => name);
        LocalSubscription { name, next, bus, published, replaying: None, lag }
    }

    async fn replayed(&mut self) -> Result<Option<Batch>, BusError> {
        let Replaying { step, _turn } = match self.replaying.take() {
            Some(replaying) => replaying,
            None => self.start_replay().await?,
        };
        let (replay, batch) =
            step.await.map_err(|error| BusError::Log(error.to_string()))?.map_err(|error| self.told(error))?;
        // Without a batch it has caught up with what was published when the step began: the ring is asked again.
        self.replaying = Some(Replaying { step: self.step(replay), _turn });
        Ok(batch)
    }

    async fn start_replay(&self) -> Result<Replaying, BusError> {
        let turn = self.bus.turns.clone().acquire_owned().await.map_err(|_| BusError::Closed)?;
        tracing::info!(subscriber = self.name, from = self.next.0, "replays the log");
        let (bus, from, until) = (self.bus.clone(), self.next, self.bus.last());
        let step = tokio::task::spawn_blocking(move || {
            let mut replay = bus.source.replay(from)?;
            let batch = replay.next(until)?;
            Ok((replay, batch))
        });
        Ok(Replaying { step, _turn: turn })
    }

    fn step(&self, mut replay: Box<dyn Replay>) -> JoinHandle<Step> {
        let until = self.bus.last();
        tokio::task::spawn_blocking(move || {
            let batch = replay.next(until)?;
            Ok((replay, batch))
        })
    }

    fn told(&self, error: LogError) -> BusError {
        match error {
            LogError::Gone { .. } => BusError::Behind(self.next.0),
            error => BusError::Log(error.to_string()),
        }
    }

    fn advance(&mut self, batch: Arc<Batch>) -> Arc<Batch> {
        let batch = from_seq(batch, self.next);
        assert_eq!(batch.first_seq(), Some(self.next), "a subscriber gets every sequence once");
        self.next = batch.last_seq().map_or(self.next, |last| Seq(last.0 + 1));
        self.lag.set((self.bus.last().0 + 1).saturating_sub(self.next.0) as f64);
        batch
    }
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next(&mut self) -> Result<Arc<Batch>, BusError> {
        loop {
            let now = *self.published.borrow_and_update();
            let found = self.bus.lock().find(self.next, self.replaying.is_some());
            match found {
                Found::Here(batch) => {
                    self.replaying = None;
                    return Ok(self.advance(batch));
                }
                Found::Older => {
                    if let Some(batch) = self.replayed().await? {
                        return Ok(self.advance(Arc::new(batch)));
                    }
                }
                Found::NotYet if now.closed => return Err(BusError::Closed),
                Found::NotYet => {
                    self.replaying = None;
                    self.published.changed().await.map_err(|_| BusError::Closed)?;
                }
            }
        }
    }
}
