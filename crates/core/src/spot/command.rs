//! What the spot state machine can be told. Every command is in the log; nothing else changes the state.

use super::spec::{AssetSpec, MarketSpec};
use super::state::Limits;
use crate::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Timestamp, UserId};
use crate::num::{Amount, FeeRate, FeeRates, PriceTicks, QtyLots};
use crate::text::{ClientId, Label};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Side {
    Sell = 0,
    Buy = 1,
}

/// Binance Spot REST, `type`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum OrderKind {
    Limit = 0,
    /// By base quantity, or by quote amount. With both and FOK: the whole quantity for at most (buy) or at least (sell)
    /// the quote amount, or nothing.
    Market = 1,
    /// Post-only: refused if it would take.
    LimitMaker = 2,
    StopLoss = 3,
    StopLossLimit = 4,
    TakeProfit = 5,
    TakeProfitLimit = 6,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum TimeInForce {
    Gtc = 0,
    Ioc = 1,
    Fok = 2,
    /// Rests until `expire_at`.
    Gtd = 3,
}

/// What happens when an order would trade with one of the same account or group; the taker's mode rules
/// (Binance Spot, "Self Trade Prevention").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum StpMode {
    None = 0,
    ExpireTaker = 1,
    ExpireMaker = 2,
    ExpireBoth = 3,
    /// Both lose the smaller remaining quantity; whichever has none left expires.
    Decrement = 4,
}

/// A new order. Zero or empty fields are absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewOrder {
    pub user: UserId,
    pub market: MarketId,
    pub side: Side,
    pub kind: OrderKind,
    pub tif: TimeInForce,
    pub stp: StpMode,
    pub price: PriceTicks,
    pub qty: QtyLots,
    /// Market orders: quote to spend (buy) or to receive (sell), smallest units.
    pub quote_amount: Amount,
    /// Trigger price of the four stop kinds. With `trailing_delta` it is the activation price and may be absent.
    pub stop_price: PriceTicks,
    /// Distance of a trailing stop from the best price since activation, basis points.
    pub trailing_delta: u32,
    /// Iceberg: the visible part.
    pub display_qty: QtyLots,
    /// GTD only.
    pub expire_at: Timestamp,
    pub client_id: ClientId,
    /// Rates set by a trusted back end for this order (ViaBTC order.put_limit); otherwise the user's tier rules.
    pub fees: Option<FeeRates>,
    /// Free label of the sender, kept and echoed.
    pub source: Label,
    /// Binance `strategyId` and `strategyType`, kept and echoed.
    pub strategy_id: u64,
    pub strategy_type: u32,
}

/// How a command names an order: by engine id, else by client id (only open orders are found).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderRef {
    Id(OrderId),
    Client(ClientId),
}

/// Order lists (Binance Spot REST, `orderList/*`). Orders of a list share user and market.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListOrders {
    /// One cancels the other: `above` and `below` the market, same side and quantity.
    Oco { above: NewOrder, below: NewOrder },
    /// One triggers the other: `pending` is placed when `working` (LIMIT or LIMIT_MAKER) is filled completely.
    Oto { working: NewOrder, pending: NewOrder },
    /// One triggers an OCO pair.
    Otoco { working: NewOrder, above: NewOrder, below: NewOrder },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewList {
    pub client_id: ClientId,
    pub orders: ListOrders,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ReplaceMode {
    StopOnFailure = 0,
    AllowFailure = 1,
}

/// Binance `cancelRestrictions`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum CancelOnly {
    Any = 0,
    New = 1,
    PartiallyFilled = 2,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum MarketState {
    /// Orders gather without matching; LIMIT and LIMIT_MAKER with GTC or GTD, and stops. Ends with [`Command::Uncross`].
    PreOpen = 0,
    Trading = 1,
    /// Cancel, reduce and amend to a smaller quantity only.
    CancelOnly = 2,
    /// Cancel only; also entered by itself when a price band breaks.
    Halt = 3,
}

/// Where a credit comes from, or a debit goes to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Counter {
    /// Clearing of deposits and withdrawals: money that entered or left the exchange. May go negative.
    External = 0,
    /// The funded house account: rewards, compensation, corrections. Cannot go negative.
    House = 1,
}

/// A ledger account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Account {
    User(UserId),
    Fees,
    Rounding,
    House,
    Insurance,
    /// Clearing accounts: minus what came in, plus what went out. Only these may be negative.
    Deposits,
    Withdrawals,
}

/// One movement of funds between two accounts, with its idempotency key: (target account, asset, business, business id).
/// The same key and body again gives the same answer and moves nothing; the same key with another body is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Funding {
    pub user: UserId,
    pub asset: AssetId,
    /// Positive, smallest units.
    pub amount: Amount,
    pub business: Label,
    pub business_id: i64,
    pub counter: Counter,
    /// Free text for the history (ViaBTC `detail`), at most [`DETAIL_MAX`] bytes; no part of the state.
    pub detail: Box<str>,
}

/// Longest `detail` of a [`Funding`], bytes.
pub const DETAIL_MAX: usize = 4096;
/// Most orders of one [`Command::PlaceBatch`].
pub const BATCH_MAX: usize = 50;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// First command of a leader's term.
    StartEpoch(Epoch),
    /// Nothing but the time: lets timers fire.
    Tick,
    /// Bounds that refuse commands. In the log, so that a replay refuses the same.
    SetLimits(Limits),
    /// Lists an asset (its id must be the next one) or changes `display_scale` of a listed one.
    SetAsset(AssetSpec),
    /// Lists a market (next id; starts in PreOpen) or changes the filters of a listed one. Scales and steps are fixed.
    SetMarket(MarketSpec),
    SetMarketState {
        market: MarketId,
        state: MarketState,
    },
    /// Ends a call auction: trades at the one price that trades most, then Trading.
    Uncross {
        market: MarketId,
    },
    /// Rates of a fee tier. Tier 0 is every user's at first.
    SetFeeTier {
        tier: u16,
        rates: FeeRates,
    },
    /// Group (master account of sub-accounts; itself when none), tier, discount and freeze of a user.
    SetUser {
        user: UserId,
        group: UserId,
        tier: u16,
        pay_discount: bool,
        frozen: bool,
    },
    /// The fee tier of a user, and nothing else of him: what an operator sets meanwhile stays.
    SetUserTier {
        user: UserId,
        tier: u16,
    },
    /// Group and freeze of a user, and nothing else of him: tier and discount stay, whatever an operator sets meanwhile.
    SetUserAccess {
        user: UserId,
        group: UserId,
        frozen: bool,
    },
    /// Payment of fees in `asset`, at `bips` off; asset none (u32::MAX) switches it off.
    SetDiscount {
        asset: AssetId,
        bips: u32,
    },
    /// The house's rate: a fee of `denominator` units of `asset` is worth `numerator` units of the discount asset. 0 ends it.
    /// Of the discount asset itself it is 1:1 or none.
    SetDiscountRate {
        asset: AssetId,
        numerator: u64,
        denominator: u64,
    },
    Credit(Funding),
    Debit(Funding),
    /// Between two users, sub-accounts included. The idempotency key is that of the receiver `funding.user`.
    Transfer {
        from: UserId,
        funding: Funding,
    },
    /// Moves what fees, rounding or insurance earned to house, house to insurance, or the house's own capital in from
    /// deposits and out to withdrawals. Never to or from users.
    Sweep {
        from: Account,
        to: Account,
        asset: AssetId,
        amount: Amount,
    },
    Place(NewOrder),
    /// Each order is placed or refused by itself, in turn.
    PlaceBatch(Vec<NewOrder>),
    PlaceList(Box<NewList>),
    Cancel {
        user: UserId,
        market: MarketId,
        order: OrderRef,
        only: CancelOnly,
        /// The cancel's own client id (Binance `newClientOrderId`), kept and echoed; empty: none was sent. It names nothing.
        cancel_id: ClientId,
    },
    CancelList {
        user: UserId,
        market: MarketId,
        list: ListId,
        /// As in `Cancel`.
        cancel_id: ClientId,
    },
    /// All open orders of a user in a market; of both sides when `side` is none.
    CancelAll {
        user: UserId,
        market: MarketId,
        side: Option<Side>,
    },
    /// A smaller total quantity, above what is filled already; keeps priority (Binance `order/amend/keepPriority`). Of both
    /// legs of an OCO pair, whichever is named.
    Amend {
        user: UserId,
        market: MarketId,
        order: OrderRef,
        qty: QtyLots,
        /// The order's client id from then on; empty, or its present one: it keeps that.
        client_id: ClientId,
    },
    /// A new limit price; loses priority and may trade.
    Move {
        user: UserId,
        market: MarketId,
        order: OrderRef,
        price: PriceTicks,
    },
    /// Takes up to `by` off the remaining quantity; keeps priority; nothing left cancels.
    Reduce {
        user: UserId,
        market: MarketId,
        order: OrderRef,
        by: QtyLots,
    },
    /// Cancels one order and places another, in one step (Binance `order/cancelReplace`).
    CancelReplace {
        cancel: OrderRef,
        only: CancelOnly,
        mode: ReplaceMode,
        order: Box<NewOrder>,
        /// As in `Cancel`.
        cancel_id: ClientId,
    },
    /// Dead man's switch: cancels all orders of the user in the market `timeout_us` from now unless set anew; 0 ends it.
    Countdown {
        user: UserId,
        market: MarketId,
        timeout_us: u64,
    },
}

impl Command {
    /// A cancel without restriction and without a client id of its own.
    pub fn cancel(user: UserId, market: MarketId, order: OrderRef) -> Command {
        Command::Cancel { user, market, order, only: CancelOnly::Any, cancel_id: ClientId::EMPTY }
    }
}

impl Side {
    pub fn opposite(self) -> Side {
        match self {
            Side::Sell => Side::Buy,
            Side::Buy => Side::Sell,
        }
    }
}

impl OrderKind {
    /// Waits for a trigger price.
    pub fn is_stop(self) -> bool {
        matches!(
            self,
            OrderKind::StopLoss | OrderKind::StopLossLimit | OrderKind::TakeProfit | OrderKind::TakeProfitLimit
        )
    }

    /// Has a limit price.
    pub fn has_price(self) -> bool {
        matches!(self, OrderKind::Limit | OrderKind::LimitMaker | OrderKind::StopLossLimit | OrderKind::TakeProfitLimit)
    }

    pub fn is_stop_loss(self) -> bool {
        matches!(self, OrderKind::StopLoss | OrderKind::StopLossLimit)
    }
}

impl NewOrder {
    /// A plain limit order; the other fields are absent. For tests, benches and as a base for struct update.
    pub fn limit(user: UserId, market: MarketId, side: Side, price: PriceTicks, qty: QtyLots) -> NewOrder {
        NewOrder {
            user,
            market,
            side,
            kind: OrderKind::Limit,
            tif: TimeInForce::Gtc,
            stp: StpMode::None,
            price,
            qty,
            quote_amount: 0,
            stop_price: PriceTicks::NONE,
            trailing_delta: 0,
            display_qty: QtyLots::ZERO,
            expire_at: Timestamp(0),
            client_id: ClientId::EMPTY,
            fees: None,
            source: Label::EMPTY,
            strategy_id: 0,
            strategy_type: 0,
        }
    }

    /// A market order by base quantity.
    pub fn market(user: UserId, market: MarketId, side: Side, qty: QtyLots) -> NewOrder {
        NewOrder { kind: OrderKind::Market, ..NewOrder::limit(user, market, side, PriceTicks::NONE, qty) }
    }
}

impl ListOrders {
    /// The orders in the order in which they get their ids.
    pub fn as_array(&self) -> [Option<&NewOrder>; 3] {
        match self {
            ListOrders::Oco { above, below } => [Some(above), Some(below), None],
            ListOrders::Oto { working, pending } => [Some(working), Some(pending), None],
            ListOrders::Otoco { working, above, below } => [Some(working), Some(above), Some(below)],
        }
    }
}

/// The fee rates of tier 0 until set: 0.1 % both.
pub const DEFAULT_RATES: FeeRates = FeeRates { maker: FeeRate(100_000), taker: FeeRate(100_000) };
