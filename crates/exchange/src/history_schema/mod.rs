//! The tables (`history_…`) that historywriter writes and historyreader reads; nobody else touches them.
//!
//! Amounts, prices and quantities are decimal text in the scale of their asset or market. Times are microseconds, ids are
//! 64 bits. Small enumerations are stored as the numbers that [`codes`] gives.
//!
//! | question | answered by |
//! | --- | --- |
//! | orders of a user, newest first or from an id | `orders_user`, with a market `orders_market` |
//! | an order by its client's id | `order_clients` |
//! | lists of a user, open ones, by time, by the client's id | `order_lists_user`, `…_open`, `…_time`, `…_client` |
//! | what self-trade prevention did to an order, or by its number | the primary key, `prevented_matches_id` |
//! | amendments of an order | the primary key |
//! | deals of an order | `user_deals_order` |
//! | deals of a user | `user_deals_time`, with a market the primary key |
//! | deals of a market, by id or by time | the primary key, `market_deals_time` |
//! | ledger of a user, what trades made | `user_deals_time`, with an asset `user_deals_base` and `user_deals_quote` |
//! | ledger of a user, the rest | `ledger_time`, with an asset the primary key |
//!
//! A trade moves four to six balances. Their ledger entries are not written as rows: what a party's deal says (quantities, fee,
//! rate, what the party has of both assets afterwards) is all that they tell, and the reader makes them of it. Only a fee in a
//! third asset has a row of its own, as the entries have that were written before deals said so much (`legs` is 0 there).
//!
//! Orders, client ids, deals, ledger entries, amendments and prevented matches lie in parts of a month each ([`months`]); the rest
//! hardly grows.

pub mod catalog;
pub mod codes;
mod migrations;
pub mod months;

use allin_core::ids::{OrderId, Seq, TradeId};
use allin_core::num::{Amount, FeeRate, decimal};
use allin_runtime::store::Schema;

/// The namespace of these tables' migrations, and the name of their database file.
pub const NAMESPACE: &str = "history";

/// The consumer whose position says up to where all tables are filled.
pub const CONSUMER: &str = "historywriter";

/// The one whose position says up to where `user_deals` and `ledger` are, never less: a transaction of their own writes them first.
/// What they have beyond [`CONSUMER`]'s position is not there yet for an answer. Whatever sends one of the two back to the beginning
/// sends both, and empties all tables.
pub const CONSUMER_TOLD: &str = "historywriter.told";

/// Kind of a ledger entry that a trade made and its deals do not tell: a fee in a third asset.
pub const LEDGER_TRADE: u8 = 0;
/// Kind of a ledger entry that somebody asked for: deposit, withdrawal, transfer … They are few among those of trades, and
/// are found without reading over these.
pub const LEDGER_MOVEMENT: u8 = 1;

/// Business of the entries that a trade makes, fees included (ViaBTC Exchange Server, `balance.history`).
pub const BUSINESS_TRADE: &str = "trade";

/// The tables, and how far they are filled.
pub const SCHEMA: Schema = Schema { namespace: NAMESPACE, migrations: MIGRATIONS, consumer: Some(CONSUMER) };

pub use migrations::MIGRATIONS;

/// The number of the `nth` match (from 0) that self-trade prevention kept from happening in a command: grows with time.
pub fn match_id(seq: Seq, nth: u32) -> u64 {
    // A command rarely prevents more than one; those beyond share the last number.
    const PER_COMMAND: u64 = 64;
    seq.0 * PER_COMMAND + u64::from(nth).min(PER_COMMAND - 1)
}

/// Detail of a trade's ledger entry, in the terms of ViaBTC Exchange Server: amount, fee rate, order, market, price; and `t`, the
/// trade, which that has not. `rate` is that of an entry which is a fee.
pub fn trade_detail(
    qty: &str,
    rate: Option<FeeRate>,
    order: OrderId,
    symbol: &str,
    price: &str,
    trade: TradeId,
) -> String {
    let (order, trade) = (order.0, trade.0);
    let fee = match rate {
        None => String::new(),
        Some(rate) => format!("\"f\":\"{}\",", rate_text(rate)),
    };
    // Symbols are capital letters, digits, `_` and `-`: nothing to escape.
    format!("{{\"a\":\"{qty}\",{fee}\"i\":{order},\"m\":\"{symbol}\",\"p\":\"{price}\",\"t\":{trade}}}")
}

/// Without trailing zeros: `0.001`.
fn rate_text(rate: FeeRate) -> String {
    let text = decimal::format(Amount::from(rate.0), 8);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub const ASSETS: &[&str] = &["asset_id", "symbol", "scale", "display_scale"];

pub const MARKETS: &[&str] =
    &["market_id", "symbol", "base_asset", "quote_asset", "price_scale", "tick_units", "qty_scale", "lot_units"];

pub const ORDERS: &[&str] = &[
    "order_id",
    "user_id",
    "market_id",
    "side",
    "kind",
    "tif",
    "status",
    "price",
    "stop_price",
    "qty",
    "quote_qty",
    "display_qty",
    "filled",
    "filled_quote",
    "prevented",
    "fees",
    "maker_rate",
    "taker_rate",
    "client_id",
    "source",
    "list_id",
    "trailing_delta",
    "expire_us",
    "strategy_id",
    "strategy_type",
    "close_cause",
    "created_us",
    "updated_us",
    "finished_us",
    "stp",
    "working_us",
];

/// What changes in an order's row, after its key: its id, and its part of the table.
pub const ORDER_CHANGES: &[&str] = &[
    "order_id",
    "created_us",
    "status",
    "price",
    "qty",
    "filled",
    "filled_quote",
    "prevented",
    "fees",
    "close_cause",
    "updated_us",
    "finished_us",
    "working_us",
    "client_id",
];

pub const ORDER_CLIENTS: &[&str] = &["user_id", "client_id", "order_id", "at_us"];

pub const ORDER_LISTS: &[&str] = &[
    "list_id",
    "user_id",
    "market_id",
    "client_id",
    "contingency",
    "first_order",
    "second_order",
    "third_order",
    "created_us",
    "finished_us",
];

pub const PREVENTED_MATCHES: &[&str] = &[
    "order_id",
    "match_id",
    "user_id",
    "market_id",
    "taker",
    "at_us",
    "counter_order",
    "counter_user",
    "price",
    "qty",
    "stp",
];

pub const AMENDMENTS: &[&str] = &["order_id", "seq", "at_us", "old_qty", "new_qty", "old_client", "new_client"];

pub const MARKET_DEALS: &[&str] =
    &["market_id", "trade_id", "at_us", "price", "qty", "quote", "taker_side", "auction", "taker_order"];

pub const USER_DEALS: &[&str] = &[
    "user_id",
    "market_id",
    "trade_id",
    "maker",
    "at_us",
    "order_id",
    "side",
    "counter_order",
    "counter_user",
    "price",
    "qty",
    "quote",
    "fee",
    "fee_asset",
    // The first of the party's ledger entries, and how many the deal stands for: it gives, it gets, it may pay a fee.
    "seq",
    "nth",
    "legs",
    "rate",
    "base_asset",
    "quote_asset",
    // What the party has after them.
    "base_total",
    "quote_total",
];

pub const LEDGER: &[&str] =
    &["user_id", "asset_id", "kind", "at_us", "seq", "nth", "business", "business_id", "delta", "balance", "detail"];

pub const BALANCES: &[&str] = &["user_id", "asset_id", "total"];
