//! What the spot state machine tells. Events own no heap memory; with their command they are all that any other part of
//! the exchange knows of the state: history, books and balances are folds over them.

use super::command::{Account, MarketState, NewOrder, OrderRef, Side};
use super::reject::Reject;
use super::spec::{AssetSpec, MarketSpec};
use super::state::Limits;
use crate::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Timestamp, TradeId, UserId};
use crate::num::{Amount, FeeRates, PriceTicks, QtyLots};
use crate::text::{ClientId, Label};

/// Where an order is in its life (Binance Spot, order status).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum OrderStatus {
    New = 0,
    PartiallyFilled = 1,
    Filled = 2,
    Canceled = 3,
    Expired = 4,
    /// By self-trade prevention.
    ExpiredInMatch = 5,
    /// Of an OTO or OTOCO list, waiting for the working order.
    PendingNew = 6,
}

/// Why an order is no more open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum CloseCause {
    Filled = 0,
    /// By its owner, by cancel-all or as half of cancel-replace.
    User = 1,
    /// IOC or market remainder, FOK not fillable.
    Unfilled = 2,
    SelfTrade = 3,
    Gtd = 4,
    Countdown = 5,
    /// Its list: the other leg traded or triggered, or the list was cancelled.
    List = 6,
    /// A price band broke while it traded.
    Halted = 7,
    /// Reduced to nothing.
    Reduced = 8,
    /// Triggered or activated, and then refused; see the reason.
    Refused(Reject) = 9,
}

/// Why an open order changed without a trade.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ChangeCause {
    Amended = 0,
    Moved = 1,
    Reduced = 2,
    /// Self-trade prevention took quantity off.
    Decremented = 3,
    /// A trailing stop became active, or its list partner released it.
    Activated = 4,
}

/// An order was taken. All else of it follows from the events after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    pub order: OrderId,
    /// The order as sent.
    pub new: NewOrder,
    /// Rates it trades at.
    pub rates: FeeRates,
    /// Its list, or 0.
    pub list: ListId,
    /// New; or PendingNew for an order that waits in a list.
    pub status: OrderStatus,
}

/// One fill. Fees are positive when charged, negative when paid out; each in its own asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trade {
    pub trade: TradeId,
    pub market: MarketId,
    pub price: PriceTicks,
    pub qty: QtyLots,
    /// price × qty in smallest quote units.
    pub quote: Amount,
    pub taker_side: Side,
    pub maker_order: OrderId,
    pub taker_order: OrderId,
    pub maker_user: UserId,
    pub taker_user: UserId,
    pub maker_fee: Amount,
    pub taker_fee: Amount,
    pub maker_fee_asset: AssetId,
    pub taker_fee_asset: AssetId,
    /// Quantities left after this fill.
    pub maker_left: QtyLots,
    pub taker_left: QtyLots,
    /// True in an uncrossing: there is no maker, `taker_side` is the later order's.
    pub auction: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed {
    pub order: OrderId,
    pub user: UserId,
    pub market: MarketId,
    pub status: OrderStatus,
    pub cause: CloseCause,
    /// Filled quantity and quote amount over its life.
    pub filled: QtyLots,
    pub filled_quote: Amount,
    /// What was left, and is no more wanted.
    pub left: QtyLots,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed {
    pub order: OrderId,
    pub user: UserId,
    pub market: MarketId,
    pub cause: ChangeCause,
    pub price: PriceTicks,
    /// New total quantity (original, less what was taken off).
    pub qty: QtyLots,
    pub left: QtyLots,
}

/// The first answer to a client id, given again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repeated {
    pub order: OrderId,
    pub user: UserId,
    pub market: MarketId,
    pub client_id: ClientId,
    /// When and how the first command ended.
    pub at: Timestamp,
    pub status: OrderStatus,
    pub filled: QtyLots,
    pub filled_quote: Amount,
}

/// A movement of funds outside of trading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posting {
    pub from: Account,
    pub to: Account,
    pub asset: AssetId,
    pub amount: Amount,
    pub business: Label,
    pub business_id: i64,
    /// The same movement was made before: nothing moved now.
    pub repeated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The whole command was refused; it changed nothing.
    Refused(Reject),
    EpochStarted(Epoch),
    LimitsSet(Limits),
    AssetSet(AssetSpec),
    MarketSet(MarketSpec),
    /// `banded`: by a broken price band, not by an operator.
    MarketStateSet {
        market: MarketId,
        state: MarketState,
        banded: bool,
    },
    FeeTierSet {
        tier: u16,
        rates: FeeRates,
    },
    UserSet {
        user: UserId,
        group: UserId,
        tier: u16,
        pay_discount: bool,
        frozen: bool,
    },
    DiscountSet {
        asset: AssetId,
        bips: u32,
    },
    DiscountRateSet {
        asset: AssetId,
        numerator: u64,
        denominator: u64,
    },
    Posting(Posting),
    /// One order of several was refused (batch, replace, list activation); the position says which.
    PlaceRefused {
        position: u8,
        user: UserId,
        market: MarketId,
        client_id: ClientId,
        reason: Reject,
    },
    /// The cancel half of a cancel-replace was refused.
    CancelRefused {
        user: UserId,
        market: MarketId,
        order: OrderRef,
        reason: Reject,
    },
    Placed(Placed),
    Repeated(Repeated),
    /// A stop order reached its trigger and now acts as a limit or market order; or a pending order began to work.
    Triggered {
        order: OrderId,
        user: UserId,
        market: MarketId,
        price: PriceTicks,
    },
    Trade(Trade),
    /// Self-trade prevention kept two orders apart. `qty` is what both lost (DECREMENT), else what would have traded.
    Prevented {
        market: MarketId,
        maker_order: OrderId,
        taker_order: OrderId,
        maker_user: UserId,
        taker_user: UserId,
        price: PriceTicks,
        qty: QtyLots,
    },
    /// An amended order has another client id from now on. Before its `Changed`.
    Renamed {
        order: OrderId,
        user: UserId,
        market: MarketId,
        client_id: ClientId,
    },
    Changed(Changed),
    Closed(Closed),
    ListPlaced {
        list: ListId,
        user: UserId,
        market: MarketId,
        client_id: ClientId,
        contingency: Contingency,
        orders: [OrderId; 3],
    },
    /// Every order of the list is closed.
    ListDone {
        list: ListId,
        user: UserId,
        market: MarketId,
    },
    CountdownSet {
        user: UserId,
        market: MarketId,
        deadline: Timestamp,
    },
    /// The price and quantity of an uncrossing; zero when nothing crossed.
    Uncrossed {
        market: MarketId,
        price: PriceTicks,
        qty: QtyLots,
    },
    /// New balance of an account that the command touched; last of its command, in order of account (users by id, then
    /// fees, rounding, house, insurance, deposits, withdrawals) and asset.
    Balance {
        account: Account,
        asset: AssetId,
        available: Amount,
        held: Amount,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Contingency {
    Oco = 0,
    Oto = 1,
    Otoco = 2,
}

/// The events of one or more commands, appended to. Reused, so that no command allocates in the steady state.
pub type Events = Vec<Event>;
