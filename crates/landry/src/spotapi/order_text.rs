//! An order as text, whichever part of the exchange it comes from, and the shapes that answers give it (Binance Spot REST,
//! "Trading endpoints", "Conditional fields in Order Responses").

use std::borrow::Cow;

use allin_core::ids::{OrderId, Timestamp};
use allin_core::num::QtyLots;
use allin_core::spot::command::NewOrder;
use allin_core::spot::event::{OrderStatus, Placed};
use allin_core::spot::view::OrderView;
use allin_wire::binance::{kind_name, side_name, status_name, stp_name, tif_name};
use allin_wire::exchange::v1::HistoryOrder;
use serde::Serialize;

use super::call::TimeUnit;
use super::markets::Market;
use crate::decimals::{Padded, difference};

/// Everything that any answer tells of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OrderText {
    pub symbol: String,
    pub order: u64,
    /// 0: in none.
    pub list: u64,
    pub client_id: String,
    pub price: String,
    pub qty: String,
    pub quote_qty: String,
    pub filled: String,
    pub filled_quote: String,
    pub status: Cow<'static, str>,
    pub tif: Cow<'static, str>,
    pub kind: Cow<'static, str>,
    pub side: &'static str,
    pub stop_price: String,
    pub display_qty: String,
    pub trailing_delta: u32,
    pub strategy_id: u64,
    pub strategy_type: u32,
    pub stp: Cow<'static, str>,
    /// What self-trade prevention took off it: of an order that it ended, with all that was left.
    pub prevented: String,
    /// The newest match that was prevented.
    pub prevented_match: Option<u64>,
    /// Of one that expired.
    pub expiry: Cow<'static, str>,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// 0: it did not begin to work.
    pub working: Timestamp,
}

/// What an order has done; the rest is in the order as sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub status: OrderStatus,
    pub filled: QtyLots,
    pub filled_quote: i128,
    pub prevented: QtyLots,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub working: Timestamp,
}

impl OrderText {
    pub fn new(market: &Market, order: OrderId, list: u64, new: &NewOrder, progress: &Progress) -> OrderText {
        let listing = &market.listing;
        let qty = |lots: QtyLots| listing.qty(u128::from(lots.0));
        let by_quote = new.qty.is_zero();
        OrderText {
            symbol: market.symbol().to_owned(),
            order: order.0,
            list,
            client_id: new.client_id.to_string(),
            price: listing.price(new.price),
            // Of an order by quote amount the quantity is what it got.
            qty: qty(if by_quote { progress.filled } else { new.qty }),
            quote_qty: listing.quote(new.quote_amount),
            filled: qty(progress.filled),
            filled_quote: listing.quote(progress.filled_quote),
            status: status_name(progress.status).into(),
            tif: tif_name(new.tif).into(),
            kind: kind_name(new.kind).into(),
            side: side_name(new.side),
            stop_price: listing.price(new.stop_price),
            display_qty: qty(new.display_qty),
            trailing_delta: new.trailing_delta,
            strategy_id: new.strategy_id,
            strategy_type: new.strategy_type,
            stp: stp_name(new.stp).into(),
            prevented: qty(progress.prevented),
            prevented_match: None,
            expiry: "".into(),
            created: progress.created,
            updated: progress.updated,
            working: progress.working,
        }
    }

    /// Of an open order. When a triggered stop came into the book is not known here; its last change stands for that.
    pub fn open(market: &Market, view: &OrderView) -> OrderText {
        let working = match (view.working, view.new.kind.is_stop()) {
            (false, _) => Timestamp(0),
            (true, true) => view.updated_at,
            (true, false) => view.created_at,
        };
        let progress = Progress {
            status: view.status,
            filled: view.filled,
            filled_quote: view.filled_quote,
            prevented: view.prevented,
            created: view.created_at,
            updated: view.updated_at,
            working,
        };
        OrderText::new(market, view.order, view.list.0, &view.new, &progress)
    }

    pub fn history(order: HistoryOrder) -> OrderText {
        let order = order.padded();
        let by_quote = is_zero(&order.qty);
        // History has of an order's last match what would have traded; it took all that was left (Binance Spot, STP FAQ).
        let ended = (order.status == status_name(OrderStatus::ExpiredInMatch) && !by_quote)
            .then(|| difference(&order.qty, &order.filled))
            .flatten();
        OrderText {
            symbol: order.market,
            order: order.order,
            list: order.list,
            client_id: order.client_id,
            price: order.price,
            qty: if by_quote { order.filled.clone() } else { order.qty },
            quote_qty: order.quote_order_qty,
            filled: order.filled,
            filled_quote: order.filled_quote,
            status: order.status.into(),
            tif: order.time_in_force.into(),
            kind: order.kind.into(),
            side: if order.side == 1 { "SELL" } else { "BUY" },
            stop_price: order.stop_price,
            display_qty: order.display_qty,
            trailing_delta: order.trailing_delta,
            strategy_id: order.strategy_id,
            strategy_type: order.strategy_type,
            stp: order.self_trade_prevention.into(),
            prevented: ended.unwrap_or(order.prevented),
            prevented_match: None,
            expiry: order.expiry_reason.into(),
            created: Timestamp(order.created_us),
            updated: Timestamp(order.updated_us),
            working: Timestamp(order.working_us),
        }
    }

    fn is_stop(&self) -> bool {
        matches!(&*self.kind, "STOP_LOSS" | "STOP_LOSS_LIMIT" | "TAKE_PROFIT" | "TAKE_PROFIT_LIMIT")
    }

    /// Without a trigger price a trailing stop is active at once; with one, when it became so is not known.
    fn trailing_time(&self, unit: TimeUnit) -> Option<i64> {
        let at_once = is_zero(&self.stop_price);
        (self.trailing_delta != 0).then(|| if at_once { time(unit, self.created) } else { -1 })
    }

    fn extras(&self, unit: TimeUnit) -> Extras<'_> {
        let prevented = !is_zero(&self.prevented);
        Extras {
            trailing_delta: (self.trailing_delta != 0).then_some(self.trailing_delta),
            trailing_time: self.trailing_time(unit),
            strategy_id: (self.strategy_id != 0).then_some(self.strategy_id),
            strategy_type: (self.strategy_type != 0).then_some(self.strategy_type),
            prevented_match_id: self.prevented_match,
            prevented_quantity: prevented.then_some(&*self.prevented),
            expiry_reason: (!self.expiry.is_empty()).then_some(&*self.expiry),
        }
    }

    /// As a query tells it.
    pub fn query(&self, unit: TimeUnit) -> Query<'_> {
        Query {
            symbol: &self.symbol,
            order_id: self.order,
            order_list_id: list_id(self.list),
            client_order_id: &self.client_id,
            price: &self.price,
            orig_qty: &self.qty,
            executed_qty: &self.filled,
            cummulative_quote_qty: &self.filled_quote,
            status: &self.status,
            time_in_force: &self.tif,
            kind: &self.kind,
            side: self.side,
            stop_price: &self.stop_price,
            iceberg_qty: &self.display_qty,
            extras: self.extras(unit),
            time: unit.of(self.created),
            update_time: unit.of(self.updated),
            is_working: self.working.0 != 0,
            working_time: time(unit, self.working),
            orig_quote_order_qty: &self.quote_qty,
            self_trade_prevention_mode: &self.stp,
        }
    }

    /// As the answer to its placing or cancelling at a time tells it.
    pub fn report(&self, unit: TimeUnit, at: Timestamp) -> Report<'_> {
        Report {
            symbol: &self.symbol,
            orig_client_order_id: None,
            order_id: self.order,
            order_list_id: list_id(self.list),
            client_order_id: &self.client_id,
            transact_time: unit.of(at),
            price: &self.price,
            orig_qty: &self.qty,
            executed_qty: &self.filled,
            orig_quote_order_qty: &self.quote_qty,
            cummulative_quote_qty: &self.filled_quote,
            status: &self.status,
            time_in_force: &self.tif,
            kind: &self.kind,
            side: self.side,
            stop_price: self.is_stop().then_some(&*self.stop_price),
            iceberg_qty: (!is_zero(&self.display_qty)).then_some(&*self.display_qty),
            extras: self.extras(unit),
            working_time: Some(time(unit, self.working)),
            self_trade_prevention_mode: &self.stp,
            trade_group_id: None,
            fills: None,
            prevented_matches: None,
        }
    }

    /// As a cancel tells it; the cancel has a client id of its own.
    pub fn cancelled<'a>(&'a self, unit: TimeUnit, at: Timestamp, client_id: &'a str) -> Report<'a> {
        Report {
            orig_client_order_id: Some(&self.client_id),
            client_order_id: client_id,
            working_time: None,
            ..self.report(unit, at)
        }
    }

    pub fn ack(&self, unit: TimeUnit, at: Timestamp) -> Ack<'_> {
        Ack {
            symbol: &self.symbol,
            order_id: self.order,
            order_list_id: list_id(self.list),
            client_order_id: &self.client_id,
            transact_time: unit.of(at),
        }
    }

    /// As its amendment tells it; `before` is the client id that it had.
    pub fn amended<'a>(&'a self, unit: TimeUnit, before: &'a str) -> Amended<'a> {
        Amended {
            symbol: &self.symbol,
            order_id: self.order,
            order_list_id: list_id(self.list),
            orig_client_order_id: before,
            client_order_id: &self.client_id,
            price: &self.price,
            qty: &self.qty,
            executed_qty: &self.filled,
            prevented_qty: &self.prevented,
            quote_order_qty: &self.quote_qty,
            cumulative_quote_qty: &self.filled_quote,
            status: &self.status,
            time_in_force: &self.tif,
            kind: &self.kind,
            side: self.side,
            extras: self.extras(unit),
            working_time: Some(time(unit, self.working)).filter(|time| *time >= 0),
            self_trade_prevention_mode: &self.stp,
        }
    }
}

/// -1 where there is none.
pub(super) fn list_id(list: u64) -> i64 {
    if list == 0 { -1 } else { i64::try_from(list).unwrap_or(-1) }
}

/// -1 where there was none yet.
fn time(unit: TimeUnit, at: Timestamp) -> i64 {
    if at.0 == 0 { -1 } else { i64::try_from(unit.of(at)).unwrap_or(-1) }
}

pub(super) fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Fields that are there only where they say something.
#[derive(Serialize, Clone, Copy, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extras<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trailing_delta: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trailing_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy_type: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevented_match_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevented_quantity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_reason: Option<&'a str>,
}

#[derive(Serialize, Clone, Copy, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query<'a> {
    symbol: &'a str,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    price: &'a str,
    orig_qty: &'a str,
    executed_qty: &'a str,
    cummulative_quote_qty: &'a str,
    status: &'a str,
    time_in_force: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    side: &'a str,
    stop_price: &'a str,
    iceberg_qty: &'a str,
    #[serde(flatten)]
    extras: Extras<'a>,
    time: u64,
    update_time: u64,
    is_working: bool,
    working_time: i64,
    orig_quote_order_qty: &'a str,
    self_trade_prevention_mode: &'a str,
}

#[derive(Serialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report<'a> {
    symbol: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    orig_client_order_id: Option<&'a str>,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    transact_time: u64,
    price: &'a str,
    orig_qty: &'a str,
    executed_qty: &'a str,
    orig_quote_order_qty: &'a str,
    cummulative_quote_qty: &'a str,
    status: &'a str,
    time_in_force: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    side: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_price: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iceberg_qty: Option<&'a str>,
    #[serde(flatten)]
    extras: Extras<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_time: Option<i64>,
    self_trade_prevention_mode: &'a str,
    /// Of an account in a group, where a match was prevented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_group_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fills: Option<&'a [Fill]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented_matches: Option<&'a [PreventedFill]>,
}

/// One trade of a new order.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fill {
    pub price: String,
    pub qty: String,
    pub commission: String,
    pub commission_asset: String,
    pub trade_id: u64,
}

/// One trade that a new order did not make, with what it took off either order.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct PreventedFill {
    pub prevented_match_id: u64,
    pub maker_symbol: String,
    pub maker_order_id: u64,
    pub price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taker_prevented_quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker_prevented_quantity: Option<String>,
}

#[derive(Serialize, Clone, Copy, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ack<'a> {
    symbol: &'a str,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    transact_time: u64,
}

#[derive(Serialize, Clone, Copy, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Amended<'a> {
    symbol: &'a str,
    order_id: u64,
    order_list_id: i64,
    orig_client_order_id: &'a str,
    client_order_id: &'a str,
    price: &'a str,
    qty: &'a str,
    executed_qty: &'a str,
    prevented_qty: &'a str,
    quote_order_qty: &'a str,
    cumulative_quote_qty: &'a str,
    status: &'a str,
    time_in_force: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    side: &'a str,
    #[serde(flatten)]
    extras: Extras<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_time: Option<i64>,
    self_trade_prevention_mode: &'a str,
}

impl<'a> Ack<'a> {
    /// Of an order that was placed at a time.
    pub fn of(market: &'a Market, placed: &'a Placed, at: u64) -> Ack<'a> {
        Ack {
            symbol: market.symbol(),
            order_id: placed.order.0,
            order_list_id: list_id(placed.list.0),
            client_order_id: placed.new.client_id.as_str(),
            transact_time: at,
        }
    }
}

impl Report<'_> {
    pub fn order(&self) -> u64 {
        self.order_id
    }
}
