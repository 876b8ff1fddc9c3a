//! The statements of all questions. Public, so that a test can ask the database how it would answer each.
//!
//! Trades of a market have ids that grow with time, and orders too: a bound in time becomes a bound in ids by one look into
//! an index, and then the order of ids is the order of time. The bound in time is told beside it: the tables lie in parts of a
//! month each, and a question reads those that it names.

mod ledger;

use std::ops::Range;

use allin_core::ids::{ListId, MarketId, OrderId, Seq, TradeId, UserId};
use allin_runtime::store::{Month, Value};

pub use ledger::{DealsOf, LedgerFilter, Place, deal_entries, ledger, ledger_far};

use crate::history_schema::codes;

/// A statement with its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    pub sql: String,
    pub args: Vec<Value>,
}

/// Rows to pass over, and the most to give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    pub offset: u32,
    pub limit: u32,
}

/// Microseconds; from the first, up to before the last. 0 is no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    pub start: u64,
    pub end: u64,
}

impl Statement {
    fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), args: Vec::new() }
    }

    fn arg(mut self, value: impl Into<Value>) -> Self {
        self.args.push(value.into());
        self
    }

    /// ` AND <condition> ?`
    fn and(mut self, condition: &str, value: impl Into<Value>) -> Self {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.sql.push_str(" ?");
        self.arg(value)
    }

    fn and_some(self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.and(condition, value),
            None => self,
        }
    }

    fn and_in(mut self, column: &str, values: &[String]) -> Self {
        if values.is_empty() {
            return self;
        }
        self.sql.push_str(&format!(" AND {column} IN ({})", vec!["?"; values.len()].join(",")));
        self.args.extend(values.iter().map(|value| Value::from(value.as_str())));
        self
    }

    fn within(self, column: &str, span: Span) -> Self {
        self.and_some(&format!("{column} >="), bound(span.start)).and_some(&format!("{column} <"), bound(span.end))
    }

    /// Only what is open, or ended when what is kept had begun.
    fn told(self, kept: u64) -> Self {
        match bound(kept) {
            Some(kept) => self.then(" AND (finished_us = 0 OR finished_us >= ?)").arg(kept),
            None => self,
        }
    }

    fn then(mut self, text: &str) -> Self {
        self.sql.push_str(text);
        self
    }

    /// Deals and ledger entries are there before what an answer joins them with: later ones are left out.
    fn up_to(self, seq: Seq) -> Self {
        self.and("seq <=", seq)
    }

    fn page(self, page: Page) -> Self {
        self.then(" LIMIT ? OFFSET ?").arg(page.limit).arg(page.offset)
    }
}

impl Span {
    /// The whole months that it touches: enough to say which parts of a table are read, and no reason for a database to look rows up by
    /// their time where their ids say more.
    fn months(self) -> Span {
        let month = |micros: u64| Month::of(i64::try_from(micros).unwrap_or(i64::MAX));
        let whole = |micros: i64| u64::try_from(micros).unwrap_or(0);
        let Span { start, end } = self;
        Span {
            start: if start == 0 { 0 } else { whole(month(start).start_us()) },
            end: if end == 0 { 0 } else { whole(month(end - 1).end_us()) },
        }
    }

    /// Of it, what is kept.
    pub fn kept(self, kept: u64) -> Span {
        Span { start: self.start.max(kept), ..self }
    }
}

/// Times beyond what the tables can hold are past every row.
fn bound(micros: u64) -> Option<i64> {
    (micros != 0).then(|| i64::try_from(micros).unwrap_or(i64::MAX))
}

/// Columns of [`orders`] and [`order`].
pub const ORDER_COLUMNS: &str = "order_id, user_id, market_id, side, kind, tif, status, price, stop_price, qty, \
     quote_qty, filled, filled_quote, fees, maker_rate, taker_rate, client_id, source, list_id, created_us, updated_us, \
     finished_us, display_qty, trailing_delta, strategy_id, strategy_type, prevented, stp, working_us, \
     close_cause";

/// Which orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrdersFilter {
    pub user: UserId,
    pub market: Option<MarketId>,
    /// 1 sell, 2 buy.
    pub side: Option<u8>,
    pub created: Span,
    pub finished: bool,
    /// From this order, created then, oldest first.
    pub from: Option<(OrderId, u64)>,
    /// Where what is kept begins; 0: everything is.
    pub kept: u64,
    pub page: Page,
}

pub fn orders(filter: &OrdersFilter) -> Statement {
    let direction = if filter.from.is_some() { "" } else { " DESC" };
    Statement::new(format!("SELECT {ORDER_COLUMNS} FROM history_orders WHERE user_id = ?"))
        .arg(filter.user)
        .and_some("market_id =", filter.market)
        .and_some("created_us >=", filter.from.map(|(_, created)| created))
        .and_some("order_id >=", filter.from.map(|(order, _)| order))
        .within("created_us", filter.created)
        .and_some("side =", filter.side)
        .and_some("close_cause <>", filter.finished.then_some(codes::OPEN))
        .told(filter.kept)
        .then(&format!(" ORDER BY created_us{direction}, order_id{direction}"))
        .page(filter.page)
}

/// When the first order from an id on was created.
pub fn created_from(order: OrderId) -> Statement {
    Statement::new("SELECT created_us FROM history_orders WHERE order_id >= ? ORDER BY order_id LIMIT 1").arg(order)
}

pub fn order(order: OrderId, user: Option<UserId>, kept: u64) -> Statement {
    Statement::new(format!("SELECT {ORDER_COLUMNS} FROM history_orders WHERE order_id = ?"))
        .arg(order)
        .and_some("user_id =", user)
        .told(kept)
}

/// When an order was created, if it can be asked for: nothing that belongs to it is older.
pub fn created(order: OrderId, kept: u64) -> Statement {
    Statement::new("SELECT created_us FROM history_orders WHERE order_id = ?").arg(order).told(kept)
}

/// The newest order with a client's id.
pub fn order_of_client(user: UserId, client_id: &str) -> Statement {
    Statement::new(
        "SELECT order_id FROM history_order_clients WHERE user_id = ? AND client_id = ? ORDER BY order_id DESC LIMIT 1",
    )
    .arg(user)
    .arg(client_id)
}

/// Columns of [`order_deals`] and [`user_deals`].
pub const USER_DEAL_COLUMNS: &str = "trade_id, market_id, at_us, order_id, user_id, counter_order, side, maker, price, \
     qty, quote, fee, fee_asset, counter_user, \
     (SELECT list_id FROM history_orders WHERE history_orders.order_id = history_user_deals.order_id)";

/// Newest first; from a trade on, oldest first. The order was created then.
pub fn order_deals(order: OrderId, created_us: u64, from: Option<TradeId>, as_of: Seq, page: Page) -> Statement {
    let direction = if from.is_some() { "" } else { " DESC" };
    Statement::new(format!("SELECT {USER_DEAL_COLUMNS} FROM history_user_deals WHERE order_id = ?"))
        .arg(order)
        .and_some("at_us >=", bound(created_us))
        .and_some("trade_id >=", from)
        .up_to(as_of)
        .then(&format!(" ORDER BY trade_id{direction}"))
        .page(page)
}

/// Columns of all questions about lists.
const LIST_COLUMNS: &str = "list_id, user_id, market_id, client_id, contingency, first_order, second_order, third_order, \
     created_us, finished_us";

/// Which lists of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListsFilter {
    One(ListId),
    Client(String),
    Open,
    /// Oldest first.
    From(ListId),
    /// Newest first; with a start, oldest first.
    Created(Span),
}

pub fn lists(user: UserId, filter: &ListsFilter, kept: u64, limit: u32) -> Statement {
    let select = format!("SELECT {LIST_COLUMNS} FROM history_order_lists WHERE user_id = ?");
    let all = Statement::new(select).arg(user).told(kept);
    let page = Page { offset: 0, limit };
    match filter {
        ListsFilter::One(list) => all.and("list_id =", *list).page(page),
        ListsFilter::Client(id) => all.and("client_id =", id.as_str()).then(" ORDER BY list_id DESC LIMIT 1"),
        ListsFilter::Open => all.and("finished_us =", 0i64).then(" ORDER BY list_id").page(page),
        ListsFilter::From(list) => all.and("list_id >=", *list).then(" ORDER BY list_id").page(page),
        ListsFilter::Created(span) => {
            let direction = if span.start == 0 { " DESC" } else { "" };
            all.within("created_us", *span)
                .then(&format!(" ORDER BY created_us{direction}, list_id{direction}"))
                .page(page)
        }
    }
}

/// Client ids of orders, to be completed with a list of their ids.
pub const CLIENTS_OF: &str = "SELECT order_id, client_id FROM history_orders WHERE order_id IN";

const MATCH_COLUMNS: &str = "match_id, market_id, at_us, order_id, user_id, taker, counter_order, counter_user, price, \
     qty, stp";

/// Of one order that was created then, from a number on.
pub fn prevented_of_order(user: UserId, order: OrderId, created_us: u64, from: u64, limit: u32) -> Statement {
    Statement::new(format!("SELECT {MATCH_COLUMNS} FROM history_prevented_matches WHERE order_id = ?"))
        .arg(order)
        .and_some("at_us >=", bound(created_us))
        .and("match_id >=", bound(from).unwrap_or(0))
        .and("user_id =", user)
        .then(" ORDER BY match_id")
        .page(Page { offset: 0, limit })
}

/// One by its number, as that of a user.
pub fn prevented(user: UserId, id: u64, kept: u64) -> Statement {
    Statement::new(format!("SELECT {MATCH_COLUMNS} FROM history_prevented_matches WHERE user_id = ?"))
        .arg(user)
        .and_some("at_us >=", bound(kept))
        .and("match_id =", bound(id).unwrap_or(0))
        .then(" LIMIT 1")
}

pub fn amendments(order: OrderId, from_seq: u64, limit: u32) -> Statement {
    let select =
        "SELECT seq, at_us, old_qty, new_qty, old_client, new_client FROM history_amendments WHERE order_id = ?";
    Statement::new(select)
        .arg(order)
        .and("seq >=", bound(from_seq).unwrap_or(0))
        .then(" ORDER BY seq")
        .page(Page { offset: 0, limit })
}

/// The first trade of a market at a time or later.
pub fn trade_at(market: MarketId, at_us: u64) -> Statement {
    Statement::new("SELECT trade_id FROM history_market_deals WHERE market_id = ?")
        .arg(market)
        .and("at_us >=", bound(at_us).unwrap_or(0))
        .then(" ORDER BY at_us, trade_id LIMIT 1")
}

/// A user's deals in one market: trades by their ids, which are of these times.
pub fn user_deals_in(
    user: UserId,
    market: MarketId,
    side: Option<u8>,
    (trades, span): (&Range<TradeId>, Span),
    oldest_first: bool,
    as_of: Seq,
    page: Page,
) -> Statement {
    let direction = if oldest_first { "" } else { " DESC" };
    Statement::new(format!("SELECT {USER_DEAL_COLUMNS} FROM history_user_deals WHERE user_id = ? AND market_id = ?"))
        .arg(user)
        .arg(market)
        .and("trade_id >=", trades.start)
        .and("trade_id <", trades.end)
        .within("at_us", span.months())
        .and_some("side =", side)
        .up_to(as_of)
        .then(&format!(" ORDER BY trade_id{direction}, maker{direction}"))
        .page(page)
}

/// A user's deals in all markets, newest first.
pub fn user_deals(user: UserId, side: Option<u8>, span: Span, as_of: Seq, page: Page) -> Statement {
    Statement::new(format!("SELECT {USER_DEAL_COLUMNS} FROM history_user_deals WHERE user_id = ?"))
        .arg(user)
        .within("at_us", span)
        .and_some("side =", side)
        .up_to(as_of)
        .then(" ORDER BY at_us DESC, seq DESC, nth DESC")
        .page(page)
}

pub fn market_deals(
    market: MarketId,
    (trades, span): (&Range<TradeId>, Span),
    oldest_first: bool,
    limit: u32,
) -> Statement {
    let direction = if oldest_first { "" } else { " DESC" };
    Statement::new(
        "SELECT trade_id, at_us, price, qty, quote, taker_side, taker_order FROM history_market_deals WHERE market_id = ?",
    )
    .arg(market)
    .and("trade_id >=", trades.start)
    .and("trade_id <", trades.end)
    .within("at_us", span.months())
    .then(&format!(" ORDER BY trade_id{direction}"))
    .page(Page { offset: 0, limit })
}
