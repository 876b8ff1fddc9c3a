//! What a query sees of the state. Copies: a view outlives the state it was taken from.

use super::command::{Account, MarketState, NewOrder, Side};
use super::event::{Contingency, OrderStatus};
use super::spec::MarketSpec;
pub use crate::book::orders::Stage;
use crate::ids::{AssetId, ListId, MarketId, OrderId, Timestamp, TradeId, UserId};
use crate::num::{Amount, FeeRates, PriceTicks, QtyLots};
use crate::text::ClientId;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    pub available: Amount,
    pub held: Amount,
}

/// An open order: in the book, waiting for its trigger, or pending in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderView {
    pub order: OrderId,
    /// As sent, with price, quantity and kind as they are now.
    pub new: NewOrder,
    pub list: ListId,
    pub status: OrderStatus,
    pub left: QtyLots,
    pub filled: QtyLots,
    pub filled_quote: Amount,
    /// Taken off by self-trade prevention.
    pub prevented: QtyLots,
    pub rates: FeeRates,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// In the book, as opposed to waiting for a trigger or for its list.
    pub working: bool,
}

/// An open order with a limit price as the public picture of its market needs it, and no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StandingOrder {
    pub order: OrderId,
    pub market: MarketId,
    pub side: Side,
    pub price: PriceTicks,
    pub left: QtyLots,
    /// The part that others see, once the order is in the book.
    pub shown: QtyLots,
    /// What an iceberg shows at most; 0 shows all.
    pub display: QtyLots,
    /// Waits for a trigger once it is no longer pending.
    pub is_stop: bool,
    pub stage: Stage,
}

/// An order list of which an order is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListView {
    pub list: ListId,
    pub user: UserId,
    pub market: MarketId,
    pub client_id: ClientId,
    pub contingency: Contingency,
    /// In the order of their ids; 0 of one that is closed.
    pub orders: [OrderId; 3],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MarketView {
    pub spec: MarketSpec,
    pub state: MarketState,
    /// 0 before the first trade.
    pub last_price: PriceTicks,
    pub best_bid: PriceTicks,
    pub best_ask: PriceTicks,
    pub next_trade: TradeId,
    pub open_orders: u64,
    /// Smallest base units of one lot; smallest quote units of one lot at one tick.
    pub base_unit: u64,
    pub quote_unit: u64,
    /// Sum of quantities in the book by side, hidden parts included.
    pub bid_lots: u128,
    pub ask_lots: u128,
}

/// One price of a book: the visible quantity and the number of orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LevelView {
    pub price: PriceTicks,
    pub qty: QtyLots,
    pub orders: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserView {
    pub user: UserId,
    pub group: UserId,
    pub tier: u16,
    pub pay_discount: bool,
    pub frozen: bool,
}

/// What a user's trades cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeesView {
    pub rates: FeeRates,
    /// Pays in the discount asset where that is possible.
    pub pay_discount: bool,
    /// The asset in which fees may be paid, and what that takes off, in basis points.
    pub discount: Option<(AssetId, u32)>,
}

/// The ledger of one asset, summed: `users + fees + rounding + house + insurance + deposits + withdrawals = 0`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conservation {
    pub asset: AssetId,
    pub users_available: Amount,
    pub users_held: Amount,
    pub fees: Amount,
    pub rounding: Amount,
    pub house: Amount,
    pub insurance: Amount,
    /// Minus what came in, and what went out.
    pub deposits: Amount,
    pub withdrawals: Amount,
    /// What the open orders reserve by their own terms; equals `users_held`. Only where all orders were asked
    /// ([`Spot::conservation`](crate::spot::Spot::conservation)).
    pub reserved: Option<Amount>,
}

impl Conservation {
    pub(crate) fn empty(asset: AssetId) -> Conservation {
        Conservation {
            asset,
            users_available: 0,
            users_held: 0,
            fees: 0,
            rounding: 0,
            house: 0,
            insurance: 0,
            deposits: 0,
            withdrawals: 0,
            reserved: None,
        }
    }

    /// Invariants 1 and, where the orders were asked, 3: everything sums to zero, and what is held is what they reserve.
    pub fn holds(&self) -> bool {
        let sum = self.users_available
            + self.users_held
            + self.fees
            + self.rounding
            + self.house
            + self.insurance
            + self.deposits
            + self.withdrawals;
        sum == 0 && self.reserved.is_none_or(|reserved| reserved == self.users_held)
    }
}

/// A balance with its owner, for listings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountBalance {
    pub account: Account,
    pub asset: AssetId,
    pub balance: Balance,
}
