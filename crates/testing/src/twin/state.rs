//! What the twin remembers.

use allin_core::ids::{ListId, MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{Amount, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::command::{MarketState, NewList, NewOrder, Side};
use allin_core::spot::event::{Contingency, OrderStatus};
use allin_core::spot::spec::MarketSpec;
use allin_core::text::ClientId;

#[derive(Clone, Copy)]
pub struct User {
    pub group: UserId,
    pub tier: u16,
    pub pay_discount: bool,
    pub frozen: bool,
}

#[derive(Clone)]
pub struct Market {
    pub spec: MarketSpec,
    pub base_unit: u64,
    pub quote_unit: u64,
    pub state: MarketState,
    /// 0 before the first trade.
    pub last: PriceTicks,
    /// Prices of trades that waiting stops have not been shown.
    pub unseen: Vec<PriceTicks>,
    pub trades_made: u64,
    /// What the average price is made of; older than [`super::filter::AVERAGE_MINUTES_KEPT`] is dropped.
    pub recent: Vec<Fill>,
    /// Price that the band is measured from, and since when; 0 before the first trade.
    pub band_reference: PriceTicks,
    pub band_since: Timestamp,
}

#[derive(Clone, Copy)]
pub struct Fill {
    pub minute: u64,
    pub price: PriceTicks,
    pub qty: QtyLots,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// In a list, until the working order is filled.
    Pending,
    /// A stop, until its trigger.
    Waiting,
    /// Trading now, in the command that brought it to the book.
    Taking,
    /// In the book.
    Resting,
}

#[derive(Clone)]
pub struct Order {
    pub id: OrderId,
    /// As sent, with the price as it is now.
    pub new: NewOrder,
    pub list: ListId,
    pub phase: Phase,
    /// Among orders of one price, and among trailing stops, the lowest goes first.
    pub rank: u64,
    pub left: QtyLots,
    /// What of `left` the book shows.
    pub visible: QtyLots,
    pub filled: QtyLots,
    pub filled_quote: Amount,
    pub prevented: QtyLots,
    pub rates: FeeRates,
    pub amends: u32,
    /// While it takes: what is still held for it. It gives nothing back before it is done.
    pub hold: Amount,
    /// Market orders by quote: what is still to be spent or received.
    pub quote_left: Amount,
    /// Waiting market-like buys: the price that the hold is reckoned at.
    pub hold_price: PriceTicks,
    /// Active trailing stops: the best price seen since; 0 while inactive.
    pub best_seen: PriceTicks,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone)]
pub struct List {
    pub id: ListId,
    pub user: UserId,
    pub market: MarketId,
    pub client_id: ClientId,
    pub contingency: Contingency,
    pub orders: Vec<OrderId>,
}

/// What is remembered of a client id.
#[derive(Clone)]
pub struct Known {
    /// The order, or the first order of the list.
    pub order: OrderId,
    pub market: MarketId,
    pub body: Body,
    /// How the first command ended.
    pub at: Timestamp,
    pub status: OrderStatus,
    pub filled: QtyLots,
    pub filled_quote: Amount,
    pub closed_at: Option<Timestamp>,
}

/// What was sent with a client id.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    Order(NewOrder),
    List(Box<NewList>),
    /// The id came with an amendment.
    Amendment,
}

impl Order {
    /// Takes liquidity at any price once it is in the book: a market order, or a triggered stop without a price.
    pub fn is_market_like(&self) -> bool {
        !self.new.kind.has_price()
    }

    pub fn is_by_quote(&self) -> bool {
        self.new.qty.is_zero()
    }

    pub fn is_iceberg(&self) -> bool {
        is_iceberg(&self.new)
    }

    /// Quantity as it is wanted now: the original, less what was taken off.
    pub fn total(&self) -> QtyLots {
        self.filled + self.left
    }

    pub fn status(&self) -> OrderStatus {
        match (self.phase, self.filled.is_zero()) {
            (Phase::Pending, _) => OrderStatus::PendingNew,
            (_, true) => OrderStatus::New,
            (_, false) => OrderStatus::PartiallyFilled,
        }
    }

    /// What the book may show of it now.
    pub fn refill(&mut self) {
        self.visible = if self.is_iceberg() { self.new.display_qty.min(self.left) } else { self.left };
    }

    /// Whether this order, as a taker, accepts `price`.
    pub fn accepts(&self, price: PriceTicks) -> bool {
        self.is_market_like()
            || match self.new.side {
                Side::Buy => price <= self.new.price,
                Side::Sell => price >= self.new.price,
            }
    }
}

impl List {
    /// The two orders of which one cancels the other.
    pub fn pair(&self) -> &[OrderId] {
        match self.contingency {
            Contingency::Oco => &self.orders,
            Contingency::Oto => &[],
            Contingency::Otoco => &self.orders[1..],
        }
    }

    /// The orders that wait for the first one to be filled.
    pub fn pending(&self) -> &[OrderId] {
        match self.contingency {
            Contingency::Oco => &[],
            Contingency::Oto | Contingency::Otoco => &self.orders[1..],
        }
    }
}

pub fn is_iceberg(new: &NewOrder) -> bool {
    !new.display_qty.is_zero() && new.display_qty < new.qty
}

/// Whether a stop fires (or, trailing, becomes active) when the last price rises to its stop price, not when it falls.
pub fn fires_on_rise(new: &NewOrder) -> bool {
    new.kind.is_stop_loss() == (new.side == Side::Buy)
}
