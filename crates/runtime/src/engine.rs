//! How the rest of the exchange speaks to a trading core, wherever it runs: [`Engine`] takes commands and queries,
//! [`EventBus`] tells what happened. The embedded mode implements both in process; a remote one over gRPC and Kafka.

use std::ops::Range;
use std::sync::Arc;

use allin_core::ids::{AssetId, Epoch, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::PriceTicks;
use allin_core::spot::command::{Account, Command, Side};
use allin_core::spot::event::Event;
use allin_core::spot::spec::AssetSpec;
use allin_core::spot::view::{
    AccountBalance, Conservation, FeesView, LevelView, ListView, MarketView, OrderView, StandingOrder, UserView,
};
use allin_core::text::ClientId;
use async_trait::async_trait;

/// One applied and durable command; its events are a range of the batch's.
#[derive(Clone, Debug)]
pub struct Record {
    pub seq: Seq,
    pub epoch: Epoch,
    pub at: Timestamp,
    pub command: Command,
    pub events: Range<u32>,
}

/// Consecutive commands that became durable together. Sequences are dense within and between batches.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub records: Vec<Record>,
    pub events: Vec<Event>,
}

impl Batch {
    pub fn iter(&self) -> impl Iterator<Item = (&Record, &[Event])> {
        self.records.iter().map(|record| {
            let range = record.events.start as usize..record.events.end as usize;
            (record, &self.events[range])
        })
    }

    pub fn first_seq(&self) -> Option<Seq> {
        self.records.first().map(|r| r.seq)
    }

    pub fn last_seq(&self) -> Option<Seq> {
        self.records.last().map(|r| r.seq)
    }
}

/// The durable answer to a command. A refusal is among the events, not an error.
#[derive(Clone, Debug)]
pub struct Reply {
    pub seq: Seq,
    pub at: Timestamp,
    pub events: Vec<Event>,
}

/// Why a command was not taken. It is not in the log, unless said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubmitError {
    #[error("the engine's queue is full; try again later")]
    Overloaded,
    #[error("the log has no room for new orders; cancels are still taken")]
    ReadOnly,
    #[error("the engine is stopping")]
    Stopping,
    /// The connection to the engine broke: the command may or may not be in the log. Find it by its client or business id.
    #[error("the engine did not answer; the outcome is unknown")]
    Unknown,
    #[error("the command breaks a bound of its form: {0}")]
    Malformed(&'static str),
}

/// A question about the state. Answered from one sequence, which is durable by the time of the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Query {
    Status,
    Assets,
    Markets,
    Balances {
        account: Account,
    },
    User(UserId),
    /// Fee rates of a user.
    Fees(UserId),
    Order {
        order: OrderId,
    },
    OrderByClient {
        user: UserId,
        client_id: ClientId,
    },
    /// Open orders of a user, newest first.
    OpenOrders {
        user: UserId,
        market: Option<MarketId>,
        side: Option<Side>,
        offset: u32,
        limit: u32,
    },
    /// Open order lists of a user, oldest first.
    OpenLists {
        user: UserId,
    },
    /// Price levels, best first, at most `limit` a side.
    Depth {
        market: MarketId,
        limit: u32,
    },
    /// Orders of one side of a book in the order of execution.
    Book {
        market: MarketId,
        side: Side,
        offset: u32,
        limit: u32,
    },
    /// Open orders with a limit price in a stretch of the engine's slots, `limit` slots from `from` on. For whoever begins to
    /// fold the books: page after page, from 0, as long as there is a next one and the epoch stays.
    Standing {
        from: u32,
        limit: u32,
    },
    /// Sums of an asset over all users.
    AssetSummary {
        asset: AssetId,
    },
    Conservation,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub seq: Seq,
    pub at: Timestamp,
    pub body: AnswerBody,
}

// Made once and moved on; a box for the largest would only add an allocation.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnswerBody {
    Status {
        epoch: Epoch,
        digest: u64,
        durable: Seq,
    },
    Assets(Vec<AssetSpec>),
    Markets(Vec<MarketView>),
    Balances(Vec<AccountBalance>),
    User(Option<UserView>),
    Fees(FeesView),
    Order(Option<OrderView>),
    /// A page and the number there are in all.
    Orders {
        orders: Vec<OrderView>,
        total: u64,
    },
    Lists(Vec<ListView>),
    Standing {
        /// Slots are those of one leader: pages of two epochs do not fit together.
        epoch: Epoch,
        orders: Vec<StandingOrder>,
        /// Where the next page begins.
        next: Option<u32>,
    },
    Depth {
        bids: Vec<LevelView>,
        asks: Vec<LevelView>,
        last_price: PriceTicks,
    },
    AssetSummary {
        available: i128,
        available_users: u64,
        held: i128,
        held_users: u64,
    },
    Conservation(Vec<Conservation>),
}

#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Answers once the command is durable and applied.
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError>;
    async fn query(&self, query: Query) -> Result<Answer, SubmitError>;
}

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The log was trimmed up to beyond what the subscriber has: it cannot make up for what it missed.
    #[error(
        "the log was trimmed and no longer has sequence {0}: whoever needs it has to be restored, with its position, from a \
         backup"
    )]
    Behind(u64),
    #[error("the bus is closed")]
    Closed,
    #[error("cannot read the log to catch up: {0}")]
    Log(String),
}

#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Every durable command from `from` on, in order, without gap or repetition: what the bus no longer keeps is made
    /// again by replaying the log.
    async fn subscribe(&self, name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError>;
}

#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next batch. After an error the subscription is over.
    async fn next(&mut self) -> Result<Arc<Batch>, BusError>;
}
