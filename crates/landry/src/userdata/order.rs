//! What is known of an open order, and what is told of it.

use allin_core::ids::{AssetId, ListId, MarketId, OrderId, Seq, Timestamp, TradeId, UserId};
use allin_core::num::{Amount, PriceTicks, QtyLots};
use allin_core::spot::command::NewOrder;
use allin_core::spot::event::{CloseCause, Contingency, OrderStatus, Placed};
use allin_core::spot::view::OrderView;
use allin_core::text::ClientId;

#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub order: OrderId,
    /// As sent, with price and quantity as they are now; what was prevented is still in the quantity.
    pub new: NewOrder,
    pub list: ListId,
    pub status: OrderStatus,
    pub filled: QtyLots,
    pub filled_quote: Amount,
    pub prevented: QtyLots,
    pub created_at: Timestamp,
    /// In the book or taking; else waiting for a trigger or its list.
    pub working: bool,
    /// When it first was; 0 before.
    pub working_at: Timestamp,
    /// When a trailing stop began to follow the price; 0 before, or not known.
    pub trailing_at: Timestamp,
    /// It was refused, and is told all the same.
    pub rejected: bool,
    /// It is as it was at this sequence; what happened up to there is in it.
    pub since: Seq,
}

impl Order {
    pub fn placed(placed: &Placed, seq: Seq, at: Timestamp) -> Order {
        let new = placed.new;
        let mut order = Order {
            order: placed.order,
            new,
            list: placed.list,
            status: placed.status,
            filled: QtyLots::ZERO,
            filled_quote: 0,
            prevented: QtyLots::ZERO,
            created_at: at,
            working: false,
            working_at: Timestamp(0),
            trailing_at: Timestamp(0),
            rejected: false,
            since: Seq(seq.0 - 1),
        };
        if placed.status != OrderStatus::PendingNew {
            order.begin(at);
        }
        order
    }

    /// What never became an order: it has no id.
    pub fn rejected(new: &NewOrder, seq: Seq, at: Timestamp) -> Order {
        let (list, status, rates) = (ListId(0), OrderStatus::New, Default::default());
        let order = Order::placed(&Placed { order: OrderId(0), new: *new, rates, list, status }, seq, at);
        Order { working: false, working_at: Timestamp(0), trailing_at: Timestamp(0), rejected: true, ..order }
    }

    pub fn viewed(view: &OrderView, seq: Seq) -> Order {
        let waited = view.new.kind.is_stop() || view.list != ListId(0);
        let began_at = if waited { view.updated_at } else { view.created_at };
        let trails = view.new.trailing_delta != 0 && view.new.stop_price.is_none() && view.list == ListId(0);
        Order {
            order: view.order,
            new: view.new,
            list: view.list,
            status: view.status,
            filled: view.filled,
            filled_quote: view.filled_quote,
            prevented: view.prevented,
            created_at: view.created_at,
            working: view.working,
            working_at: if view.working { began_at } else { Timestamp(0) },
            trailing_at: if trails { view.created_at } else { Timestamp(0) },
            rejected: false,
            since: seq,
        }
    }

    /// Placed, or released by its list: works at once, or waits for its trigger.
    fn begin(&mut self, at: Timestamp) {
        if !self.new.kind.is_stop() {
            self.work(at);
        } else if self.new.trailing_delta != 0 && self.new.stop_price.is_none() {
            self.trailing_at = at;
        }
    }

    fn work(&mut self, at: Timestamp) {
        self.working = true;
        self.working_at = at;
    }

    /// Its trigger was reached, or its list released it.
    pub fn triggered(&mut self, at: Timestamp) {
        if self.status == OrderStatus::PendingNew {
            self.status = OrderStatus::New;
            self.begin(at);
        } else {
            self.work(at);
        }
    }

    pub fn is_by_quote(&self) -> bool {
        self.new.quote_amount != 0 && self.new.qty.is_zero()
    }

    /// Whether it takes or rests in the book, as told (`w`).
    pub fn is_on_book(&self) -> bool {
        self.working && matches!(self.status, OrderStatus::New | OrderStatus::PartiallyFilled)
    }
}

/// What is told to a user.
// Rendered and forgotten at once.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub(super) enum Told {
    Execution(Execution),
    List(ListTold),
    /// Balances that the command touched: asset, available, held.
    Position(Vec<(AssetId, Amount, Amount)>),
    BalanceChanged {
        asset: AssetId,
        change: Amount,
    },
}

/// An `executionReport`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Execution {
    pub id: u64,
    /// After it.
    pub order: Order,
    /// Filled in its whole life, for an order by quote amount: its quantity.
    pub by_quote_filled: QtyLots,
    /// Execution type.
    pub kind: &'static str,
    /// A cancel ended it: the cancel's client id.
    pub cancel: Option<Cancel>,
    /// The client id that an amended order had before; its present one where it kept that.
    pub amended: Option<ClientId>,
    pub reject: &'static str,
    pub expiry: Option<&'static str>,
    pub fill: Option<Filled>,
    pub prevention: Option<Prevention>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cancel {
    /// As sent with the command; empty: none was.
    pub sent: ClientId,
    pub cause: CloseCause,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    pub trade: TradeId,
    pub price: PriceTicks,
    pub qty: QtyLots,
    pub quote: Amount,
    pub fee: Amount,
    pub fee_asset: AssetId,
    pub maker: bool,
}

/// A match that did not happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prevention {
    pub id: u64,
    pub counter_order: OrderId,
    /// The group's master; none outside of a group.
    pub group: Option<UserId>,
    /// What this order lost by it.
    pub lost: QtyLots,
    /// What would have traded.
    pub price: PriceTicks,
    pub qty: QtyLots,
}

#[derive(Clone, Debug)]
pub(super) struct ListFacts {
    pub market: MarketId,
    pub client_id: ClientId,
    pub contingency: Contingency,
    pub orders: Vec<(OrderId, ClientId)>,
}

/// A `listStatus`.
#[derive(Clone, Debug)]
pub(super) struct ListTold {
    pub list: ListId,
    pub facts: ListFacts,
    pub stage: ListStage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ListStage {
    Started,
    /// An order of it has another client id.
    Updated,
    Done,
}
