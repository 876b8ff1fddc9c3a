//! User data streams: what happened to an account, as Binance Spot tells it (`executionReport`,
//! `outboundAccountPosition`, `balanceUpdate`, `listStatus`). Shared by spotws (listen keys) and spotapi (WebSocket API).
//!
//! Follows only the accounts that somebody listens to: open orders come from a query when the first subscriber appears,
//! everything after its sequence from the bus. Each event is rendered once, however many subscribers there are.

use allin_core::ids::UserId;
use bytes::Bytes;

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

/// One subscriber's events. Dropping it ends the subscription.
pub struct UserEvents {
    user: UserId,
    queue: tokio::sync::mpsc::Receiver<Bytes>,
}

impl UserEvents {
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The next event: a JSON object that begins with `{"e":`, with no wrapper around it. After an error it is over.
    pub async fn next(&mut self) -> Result<Bytes, UserDataError> {
        self.queue.recv().await.ok_or(UserDataError::Behind)
    }
}
