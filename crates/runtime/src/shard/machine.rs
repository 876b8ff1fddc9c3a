//! What a shard needs of its product's state machine.

use allin_core::ids::Timestamp;
use allin_core::num::PriceTicks;
use allin_core::spot::command::{Command, Side};
use allin_core::spot::{Limits, Spot};

use crate::engine::{AnswerBody, Query};
use crate::oplog::Machine;

/// A deterministic state machine: the same commands with the same times give the same events, state and digest.
pub trait StateMachine: Machine + Send + 'static {
    /// When time alone would change something.
    fn next_deadline(&self) -> Option<Timestamp>;

    /// Answers from the present state; [`Query::Status`] is the shard's own to answer.
    fn answer(&self, query: &Query) -> AnswerBody;

    /// The command that brings the state under these limits; none when it is. Only the engine sends it.
    fn limit(&self, _limits: Limits) -> Option<Command> {
        None
    }
}

/// Most rows of one answer; a larger limit is read as this.
pub const ANSWER_ROWS_MAX: u32 = 10_000;

impl StateMachine for Spot {
    fn limit(&self, limits: Limits) -> Option<Command> {
        (self.limits() != limits).then_some(Command::SetLimits(limits))
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Spot::next_deadline(self)
    }

    fn answer(&self, query: &Query) -> AnswerBody {
        let rows = |limit: u32| limit.min(ANSWER_ROWS_MAX) as usize;
        match *query {
            Query::Status => AnswerBody::Status { epoch: self.epoch(), digest: self.digest(), durable: self.seq() },
            Query::Assets => AnswerBody::Assets(self.assets().to_vec()),
            Query::Markets => AnswerBody::Markets(self.markets().collect()),
            Query::Balances { account } => AnswerBody::Balances(self.balances(account)),
            Query::User(user) => AnswerBody::User(self.user(user)),
            Query::Fees(user) => AnswerBody::Fees(self.fees(user)),
            Query::Order { order } => AnswerBody::Order(self.order(order)),
            Query::OrderByClient { user, client_id } => AnswerBody::Order(self.order_by_client(user, &client_id)),
            Query::OpenOrders { user, market, side, offset, limit } => {
                let (orders, total) = self.open_orders(user, market, side, offset as usize, rows(limit));
                AnswerBody::Orders { orders, total }
            }
            Query::OpenLists { user } => AnswerBody::Lists(self.open_lists(user)),
            Query::Depth { market, limit } => AnswerBody::Depth {
                bids: self.depth(market, Side::Buy, rows(limit)),
                asks: self.depth(market, Side::Sell, rows(limit)),
                last_price: self.market(market).map_or(PriceTicks::NONE, |market| market.last_price),
            },
            Query::Book { market, side, offset, limit } => {
                let (orders, total) = self.book(market, side, offset as usize, rows(limit));
                AnswerBody::Orders { orders, total }
            }
            Query::Standing { from, limit } => {
                let (orders, next) = self.standing(from, rows(limit).max(1));
                AnswerBody::Standing { epoch: self.epoch(), orders, next }
            }
            Query::AssetSummary { asset } => {
                let (available, available_users, held, held_users) = self.asset_summary(asset);
                AnswerBody::AssetSummary { available, available_users, held, held_users }
            }
            Query::Conservation => AnswerBody::Conservation(self.sums()),
        }
    }
}
