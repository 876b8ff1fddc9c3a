//! User data streams: what happened to an account, as Binance Spot tells it (`executionReport`,
//! `outboundAccountPosition`, `balanceUpdate`, `listStatus`). Shared by spotws (listen keys) and spotapi (WebSocket API).
//!
//! Follows only the accounts that somebody listens to: open orders come from a query when the first subscriber appears,
//! everything after its sequence from the bus. Each event is rendered once for each time unit, however many subscribers
//! there are. Never waits for a subscriber: one that lets its queue fill up is cut off.
//! Known limits: of an order list that was placed before anybody listened, its closed legs are not known; the working time of an order that once waited is then the time of its last change.

mod account;
mod follow;
mod names;
mod order;
mod render;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use allin_core::ids::{Seq, Timestamp, UserId};
use allin_core::spot::event::CloseCause;
use allin_core::text::ClientId;
use allin_exchange::clock::Clock;
use allin_exchange::service::{ServiceError, Stopping};
use allin_runtime::engine::{Engine, EventBus};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub(crate) use names::expiry_reason;

use crate::jsontext::Object;
use crate::spotapi::call::TimeUnit;

/// Events that a subscriber may be behind before it is cut off.
pub const QUEUE_MAX: usize = 1024;
/// Subscriptions open at once.
pub const SUBSCRIPTIONS_MAX: usize = 20_000;
/// Subscriptions that may wait for their turn at the follower.
const ASKS_MAX: usize = 1024;

/// Why a subscription did not begin, or ended.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UserDataError {
    #[error("the engine is away: {0}")]
    Unavailable(String),
    /// Its queue was full: the client reads too slowly.
    #[error("fell behind")]
    Behind,
    #[error("too many subscriptions")]
    Full,
}

/// Follows the accounts that are listened to. [`UserData::run`] does the work.
pub struct UserData {
    asks: mpsc::Sender<Ask>,
    /// Until the follower runs.
    waiting: Mutex<Option<mpsc::Receiver<Ask>>>,
    room: Arc<Semaphore>,
    engine: Arc<dyn Engine>,
    bus: Arc<dyn EventBus>,
    clock: Clock,
}

/// One subscriber's events. Dropping it ends the subscription.
pub struct UserEvents {
    user: UserId,
    queue: mpsc::Receiver<Bytes>,
    end: Arc<AtomicU8>,
    _room: OwnedSemaphorePermit,
}

/// A subscription on its way to the follower.
struct Ask {
    user: UserId,
    subscriber: Subscriber,
    begun: oneshot::Sender<Result<(), UserDataError>>,
}

struct Subscriber {
    queue: mpsc::Sender<Bytes>,
    unit: TimeUnit,
    end: Arc<AtomicU8>,
}

/// Value of [`UserEvents::end`] once its queue was full.
const END_BEHIND: u8 = 1;

impl UserData {
    /// `clock` is what the events' own time (`E`) comes from.
    pub fn new(engine: Arc<dyn Engine>, bus: Arc<dyn EventBus>, clock: Clock) -> Arc<UserData> {
        let (asks, waiting) = mpsc::channel(ASKS_MAX);
        let waiting = Mutex::new(Some(waiting));
        let room = Arc::new(Semaphore::new(SUBSCRIPTIONS_MAX));
        Arc::new(UserData { asks, waiting, room, engine, bus, clock })
    }

    /// Follows the log until the service stops. To be run once, as a task of the service that has it.
    pub async fn run(self: Arc<Self>, name: &'static str, stopping: Stopping) -> Result<(), ServiceError> {
        let waiting = self.waiting.lock().expect("no holder panics").take();
        let Some(asks) = waiting else {
            return Err(ServiceError::failed(name, "user data is followed already"));
        };
        follow::run(name, &self, asks, stopping).await
    }

    /// Everything that happens to an account from now on: what is sent to the engine after this has returned is told.
    pub async fn subscribe(&self, user: UserId, unit: TimeUnit) -> Result<UserEvents, UserDataError> {
        let room = self.room.clone().try_acquire_owned().map_err(|_| UserDataError::Full)?;
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let (begun, answer) = oneshot::channel();
        let end = Arc::new(AtomicU8::new(0));
        let subscriber = Subscriber { queue: sender, unit, end: end.clone() };
        let away = || UserDataError::Unavailable("it is not followed".to_owned());
        self.asks.send(Ask { user, subscriber, begun }).await.map_err(|_| away())?;
        answer.await.map_err(|_| away())??;
        Ok(UserEvents { user, queue, end, _room: room })
    }
}

impl UserEvents {
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The next event: a JSON object that begins with `{"e":`, with no wrapper around it. After an error it is over.
    pub async fn next(&mut self) -> Result<Bytes, UserDataError> {
        match self.queue.recv().await {
            Some(event) => Ok(event),
            None if self.end.load(Ordering::Acquire) == END_BEHIND => Err(UserDataError::Behind),
            None => Err(UserDataError::Unavailable("the stream has ended; subscribe again".to_owned())),
        }
    }
}

impl Subscriber {
    /// False when the subscription is over.
    fn send(&self, event: &Bytes) -> bool {
        match self.queue.try_send(event.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.end.store(END_BEHIND, Ordering::Release);
                metrics::counter!("allin_userdata_slow_subscribers_total").increment(1);
                false
            }
        }
    }
}

/// The last event of a stream that ended on demand, or with its session.
pub fn stream_terminated(at: Timestamp, unit: TimeUnit) -> Bytes {
    let mut object = Object::new();
    object.text("e", "eventStreamTerminated").raw("E", unit.of(at));
    object.finish().into()
}

/// The client id of the cancel that ended an order, in its answer and in the user data stream alike: the one that was sent
/// with the command (empty: none), or one of ours, the same for all orders that the command of this sequence cancelled.
/// What a countdown or a reduction ends has no part in the id of the command that came with it.
pub fn cancel_client_id(seq: Seq, sent: &ClientId, cause: CloseCause) -> String {
    match cause {
        CloseCause::User | CloseCause::List if !sent.is_empty() => sent.to_string(),
        _ => made_id(seq),
    }
}

fn made_id(seq: Seq) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let high = mix(seq.0);
    let mut hash = u128::from(high) << 64 | u128::from(mix(high ^ seq.0));
    let letter = |_| {
        let letter = LETTERS[(hash % 62) as usize];
        hash /= 62;
        char::from(letter)
    };
    (0..22).map(letter).collect()
}

/// Spreads a number over 64 bits (the finish of SplitMix64).
fn mix(number: u64) -> u64 {
    let step = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let step = (step ^ (step >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let step = (step ^ (step >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    step ^ (step >> 31)
}

/// Names the `nth` match that self-trade prevention prevented in a command, counted from 0.
pub fn prevented_match_id(seq: Seq, nth: u32) -> u64 {
    allin_exchange::history_schema::match_id(seq, nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_has_an_id_of_its_own() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|seq| made_id(Seq(seq))).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 22 && allin_core::text::is_client_id(id)));
    }
}
