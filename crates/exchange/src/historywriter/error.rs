//! Why the history cannot go on. None of these pass by waiting: the service ends and says so.

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, UserId};
use allin_core::num::Amount;
use allin_runtime::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(
        "sequence {got} came where {expected} was due: log and history do not belong together; remove the history's database to have it made again"
    )]
    Gap { expected: u64, got: u64 },
    #[error(
        "the history goes to sequence {}, the log to {}: they do not belong together; remove the history's database to \
         have it made again",
        position.0, durable.0
    )]
    Ahead { position: Seq, durable: Seq },
    #[error("the engine does not say where the log ends: {0}")]
    Engine(String),
    #[error("sequence {}: market {} was never listed", seq.0, market.0)]
    UnknownMarket { seq: Seq, market: MarketId },
    #[error("sequence {}: asset {} was never listed", seq.0, asset.0)]
    UnknownAsset { seq: Seq, asset: AssetId },
    #[error("sequence {}: order {} was never placed", seq.0, order.0)]
    UnknownOrder { seq: Seq, order: OrderId },
    /// The ledger and the engine disagree: our own bug, and never to be papered over.
    #[error("sequence {}: the entries of user {} in asset {} sum to {folded}, the engine has {told}", seq.0, user.0, asset.0)]
    Balance { seq: Seq, user: UserId, asset: AssetId, folded: Amount, told: Amount },
    /// As with balances: fills and closing do not agree.
    #[error("sequence {}: order {} is closed with {told} lots filled, its trades sum to {folded}", seq.0, order.0)]
    Filled { seq: Seq, order: OrderId, folded: u64, told: u64 },
    /// Our own bug: the state would say that rows are there which are not.
    #[error("deals and ledger entries go to sequence {}, the state to {}: written in the wrong order", told.0, state.0)]
    Untold { told: Seq, state: Seq },
    #[error("{wanted} rows were to be changed, {changed} were there: the history's tables are damaged")]
    MissingRows { wanted: u64, changed: u64 },
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl HistoryError {
    /// Whether trying again may help.
    pub(super) fn passes(&self) -> bool {
        match self {
            HistoryError::Store(error) => error.is_unavailable(),
            HistoryError::Engine(_) => true,
            _ => false,
        }
    }
}
