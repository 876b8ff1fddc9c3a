//! A subscription: a connection of its own, so that one listener's slowness is nobody else's.

use std::time::Duration;

use allin_runtime::cache::{CacheError, CacheSubscription};
use async_trait::async_trait;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, Value};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::link::Link;

/// Messages that a listener may be behind before it is cut off.
const QUEUE_MAX: usize = 1024;
/// A connection on which nothing came for so long is asked whether it lives.
const QUIET: Duration = Duration::from_secs(1);

pub(super) struct Subscription {
    connection: MultiplexedConnection,
    messages: broadcast::Receiver<PushInfo>,
    quiet: Interval,
    patience: Duration,
    place: String,
}

/// Stands when this returns: what is published afterwards is not missed.
pub(super) async fn open(link: &Link, channel: String) -> Result<Subscription, CacheError> {
    let deadline = link.deadline();
    let patience = deadline.saturating_duration_since(Instant::now());
    let (sender, messages) = broadcast::channel(QUEUE_MAX);
    let config = AsyncConnectionConfig::new().set_push_sender(sender);
    let mut connection = link.open(deadline, &config).await?;
    link.within(deadline, connection.subscribe(channel)).await.map_err(|(error, _)| error)?;
    let mut quiet = interval_at(Instant::now() + QUIET, QUIET);
    quiet.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Ok(Subscription { connection, messages, quiet, patience, place: link.place().to_owned() })
}

impl Subscription {
    fn away(&self, why: impl std::fmt::Display) -> CacheError {
        CacheError::Unavailable(format!("{}: {why}", self.place))
    }

    /// The other end may be gone without a word.
    async fn check(&mut self) -> Result<(), CacheError> {
        let ping = redis::cmd("PING");
        match timeout(self.patience, ping.query_async::<()>(&mut self.connection)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.away(error)),
            Err(_) => Err(self.away(format!("a subscription hears nothing for {} ms", self.patience.as_millis()))),
        }
    }
}

#[async_trait]
impl CacheSubscription for Subscription {
    async fn next(&mut self) -> Result<Bytes, CacheError> {
        loop {
            tokio::select! {
                biased;
                pushed = self.messages.recv() => {
                    self.quiet.reset();
                    match pushed {
                        Ok(PushInfo { kind: PushKind::Message, data }) => match data.into_iter().nth(1) {
                            Some(Value::BulkString(message)) => return Ok(message.into()),
                            other => return Err(self.away(format!("a message of another form: {other:?}"))),
                        },
                        Ok(PushInfo { kind: PushKind::Disconnection, .. }) | Err(RecvError::Closed) => {
                            return Err(self.away("the connection of a subscription ended"));
                        }
                        // The word that it stands.
                        Ok(_) => {}
                        Err(RecvError::Lagged(count)) => return Err(CacheError::Behind(count)),
                    }
                }
                _ = self.quiet.tick() => self.check().await?,
            }
        }
    }
}
