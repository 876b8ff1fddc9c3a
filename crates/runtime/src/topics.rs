//! Event topics: what a shard's events say, told to readers that are not part of ALLIN. The narrow interface between who words the
//! messages and who keeps them.
//!
//! Each message has a place: the sequence of its command, and its number among that command's messages of the same topic. A
//! publisher that starts again may tell some once more, with the same places, so a reader that skips what is not beyond the
//! last place it has seen reads each exactly once.

use std::collections::BTreeMap;

use allin_core::ids::{Seq, Timestamp};
use async_trait::async_trait;

use crate::oplog::LogError;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Topic {
    /// Trades, keyed by market.
    Deals,
    /// What happens to orders and lists, keyed by market.
    Orders,
    /// Balances and movements of funds, keyed by account.
    Balances,
    /// Visible price levels, keyed by market.
    Books,
}

impl Topic {
    pub const ALL: [Topic; 4] = [Topic::Deals, Topic::Orders, Topic::Balances, Topic::Books];

    pub fn name(self) -> &'static str {
        match self {
            Topic::Deals => "deals",
            Topic::Orders => "orders",
            Topic::Balances => "balances",
            Topic::Books => "books",
        }
    }
}

/// Where a message stands in its topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub seq: Seq,
    pub index: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub topic: Topic,
    pub key: String,
    pub place: Place,
    /// Engine time of the command.
    pub at: Timestamp,
    pub json: String,
}

/// How far topics go.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Marks {
    /// Everything up to here was told.
    pub position: Seq,
    /// The last message of each topic that has one; may be beyond the position.
    pub last: BTreeMap<Topic, Place>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TopicsError(pub String);

impl From<LogError> for TopicsError {
    fn from(error: LogError) -> TopicsError {
        TopicsError(error.to_string())
    }
}

/// One publisher's topics.
#[async_trait]
pub trait EventTopics: Send + 'static {
    /// Forgets what is under way, and tells how far the topics go. Before the first [`EventTopics::publish`], and after each
    /// that failed.
    async fn open(&mut self) -> Result<Marks, TopicsError>;

    /// Returns once all of it is kept for good, and after that the position. Messages are in order.
    async fn publish(&mut self, messages: Vec<Message>, position: Seq) -> Result<(), TopicsError>;
}
