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
//! | ledger of a user | `ledger_time`, with an asset the primary key |
//!
//! Known limits: rows are kept for ever; a retention setting is to come.

pub mod catalog;
pub mod codes;

use allin_core::ids::Seq;
use allin_runtime::store::{Migration, Schema};

/// The namespace of these tables' migrations, and the name of their database file.
pub const NAMESPACE: &str = "history";

/// The consumer whose position says up to where the tables are filled.
pub const CONSUMER: &str = "historywriter";

/// Kind of a ledger entry that a trade made: a leg or its fee.
pub const LEDGER_TRADE: u8 = 0;
/// Kind of a ledger entry that somebody asked for: deposit, withdrawal, transfer … They are few among those of trades, and
/// are found without reading over these.
pub const LEDGER_MOVEMENT: u8 = 1;

/// Business of the entries that a trade makes, fees included (ViaBTC Exchange Server, `balance.history`).
pub const BUSINESS_TRADE: &str = "trade";

/// The tables, and how far they are filled.
pub const SCHEMA: Schema = Schema { namespace: NAMESPACE, migrations: MIGRATIONS, consumer: Some(CONSUMER) };

pub const MIGRATIONS: &[Migration] = &[FIRST, TAKERS, DETAILS, NAMES, RENAMED_ORDERS];

const FIRST: Migration = Migration {
    version: 1,
    statements: &[
        "CREATE TABLE assets (
            asset_id {id} NOT NULL PRIMARY KEY, symbol VARCHAR(20) NOT NULL,
            scale SMALLINT NOT NULL, display_scale SMALLINT NOT NULL)",
        "CREATE TABLE markets (
            market_id {id} NOT NULL PRIMARY KEY, symbol VARCHAR(20) NOT NULL,
            base_asset BIGINT NOT NULL, quote_asset BIGINT NOT NULL,
            price_scale SMALLINT NOT NULL, tick_units BIGINT NOT NULL,
            qty_scale SMALLINT NOT NULL, lot_units BIGINT NOT NULL)",
        "CREATE TABLE orders (
            order_id {id} NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, market_id BIGINT NOT NULL,
            side SMALLINT NOT NULL, kind SMALLINT NOT NULL, tif SMALLINT NOT NULL, status SMALLINT NOT NULL,
            price VARCHAR(48) NOT NULL, stop_price VARCHAR(48) NOT NULL, qty VARCHAR(48) NOT NULL,
            quote_qty VARCHAR(48) NOT NULL, display_qty VARCHAR(48) NOT NULL,
            filled VARCHAR(48) NOT NULL, filled_quote VARCHAR(48) NOT NULL, prevented VARCHAR(48) NOT NULL,
            fees TEXT NOT NULL, maker_rate BIGINT NOT NULL, taker_rate BIGINT NOT NULL,
            client_id VARCHAR(36) NOT NULL, source VARCHAR(31) NOT NULL, list_id BIGINT NOT NULL,
            trailing_delta BIGINT NOT NULL, expire_us BIGINT NOT NULL,
            strategy_id BIGINT NOT NULL, strategy_type BIGINT NOT NULL, close_cause SMALLINT NOT NULL,
            created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, finished_us BIGINT NOT NULL)",
        "CREATE INDEX orders_user ON orders (user_id, created_us, order_id)",
        "CREATE INDEX orders_market ON orders (user_id, market_id, created_us, order_id)",
        "CREATE TABLE order_clients (
            user_id BIGINT NOT NULL, client_id VARCHAR(36) NOT NULL, order_id BIGINT NOT NULL,
            PRIMARY KEY (user_id, client_id, order_id)) {clustered}",
        "CREATE TABLE order_lists (
            list_id {id} NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, market_id BIGINT NOT NULL,
            client_id VARCHAR(36) NOT NULL, contingency SMALLINT NOT NULL,
            first_order BIGINT NOT NULL, second_order BIGINT NOT NULL, third_order BIGINT NOT NULL,
            created_us BIGINT NOT NULL, finished_us BIGINT NOT NULL)",
        "CREATE INDEX order_lists_user ON order_lists (user_id, list_id)",
        "CREATE TABLE market_deals (
            market_id BIGINT NOT NULL, trade_id BIGINT NOT NULL, at_us BIGINT NOT NULL,
            price VARCHAR(48) NOT NULL, qty VARCHAR(48) NOT NULL, quote VARCHAR(48) NOT NULL,
            taker_side SMALLINT NOT NULL, auction SMALLINT NOT NULL,
            PRIMARY KEY (market_id, trade_id)) {clustered}",
        "CREATE INDEX market_deals_time ON market_deals (market_id, at_us, trade_id)",
        "CREATE TABLE user_deals (
            user_id BIGINT NOT NULL, market_id BIGINT NOT NULL, trade_id BIGINT NOT NULL, maker SMALLINT NOT NULL,
            at_us BIGINT NOT NULL, order_id BIGINT NOT NULL, side SMALLINT NOT NULL,
            counter_order BIGINT NOT NULL, counter_user BIGINT NOT NULL,
            price VARCHAR(48) NOT NULL, qty VARCHAR(48) NOT NULL, quote VARCHAR(48) NOT NULL,
            fee VARCHAR(48) NOT NULL, fee_asset BIGINT NOT NULL,
            PRIMARY KEY (user_id, market_id, trade_id, maker)) {clustered}",
        "CREATE INDEX user_deals_time ON user_deals (user_id, at_us, market_id, trade_id, maker)",
        "CREATE INDEX user_deals_order ON user_deals (order_id, trade_id)",
        // Sequence and place within the command make an entry unique; time grows with them.
        "CREATE TABLE ledger (
            user_id BIGINT NOT NULL, asset_id BIGINT NOT NULL, kind SMALLINT NOT NULL, at_us BIGINT NOT NULL,
            seq BIGINT NOT NULL, nth BIGINT NOT NULL,
            business VARCHAR(31) NOT NULL, business_id BIGINT NOT NULL,
            delta VARCHAR(48) NOT NULL, balance VARCHAR(48) NOT NULL, detail TEXT NOT NULL,
            PRIMARY KEY (user_id, asset_id, kind, at_us, seq, nth)) {clustered}",
        "CREATE INDEX ledger_time ON ledger (user_id, kind, at_us, seq, nth)",
        // What each user has in all, after the last entry: the fold's own state.
        "CREATE TABLE balances (
            user_id BIGINT NOT NULL, asset_id BIGINT NOT NULL, total VARCHAR(48) NOT NULL,
            PRIMARY KEY (user_id, asset_id)) {clustered}",
    ],
};

/// Whose order took, so that trades can be told as aggregates. Rows of before do not say: the writer begins again at the
/// first sequence, for the log has them all.
const TAKERS: Migration = Migration {
    version: 2,
    statements: &[
        "ALTER TABLE market_deals ADD COLUMN taker_order BIGINT NOT NULL DEFAULT 0",
        "DELETE FROM orders",
        "DELETE FROM order_clients",
        "DELETE FROM order_lists",
        "DELETE FROM market_deals",
        "DELETE FROM user_deals",
        "DELETE FROM ledger",
        "DELETE FROM balances",
        "UPDATE positions SET seq = 0 WHERE name = 'historywriter'",
    ],
};

/// What the public API tells of orders besides. As before, the writer begins again.
const DETAILS: Migration = Migration {
    version: 3,
    statements: &[
        "ALTER TABLE orders ADD COLUMN stp SMALLINT NOT NULL DEFAULT 0",
        "ALTER TABLE orders ADD COLUMN working_us BIGINT NOT NULL DEFAULT 0",
        "CREATE INDEX order_lists_open ON order_lists (user_id, finished_us, list_id)",
        "CREATE INDEX order_lists_time ON order_lists (user_id, created_us, list_id)",
        "CREATE INDEX order_lists_client ON order_lists (user_id, client_id, list_id)",
        // Two orders that self-trade prevention kept apart: one row for each of the two.
        "CREATE TABLE prevented_matches (
            order_id BIGINT NOT NULL, match_id BIGINT NOT NULL, user_id BIGINT NOT NULL, market_id BIGINT NOT NULL,
            taker SMALLINT NOT NULL, at_us BIGINT NOT NULL, counter_order BIGINT NOT NULL, counter_user BIGINT NOT NULL,
            price VARCHAR(48) NOT NULL, qty VARCHAR(48) NOT NULL, stp SMALLINT NOT NULL,
            PRIMARY KEY (order_id, match_id)) {clustered}",
        "CREATE INDEX prevented_matches_id ON prevented_matches (user_id, match_id)",
        "CREATE TABLE amendments (
            order_id BIGINT NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
            old_qty VARCHAR(48) NOT NULL, new_qty VARCHAR(48) NOT NULL,
            PRIMARY KEY (order_id, seq)) {clustered}",
        "DELETE FROM orders",
        "DELETE FROM order_clients",
        "DELETE FROM order_lists",
        "DELETE FROM market_deals",
        "DELETE FROM user_deals",
        "DELETE FROM ledger",
        "DELETE FROM balances",
        "UPDATE positions SET seq = 0 WHERE name = 'historywriter'",
    ],
};

/// Every service's tables begin with its name, so that all of a domain fit into one database.
const NAMES: Migration = Migration {
    version: 4,
    statements: &[
        "ALTER TABLE assets RENAME TO history_assets",
        "ALTER TABLE markets RENAME TO history_markets",
        "ALTER TABLE orders RENAME TO history_orders",
        "ALTER TABLE order_clients RENAME TO history_order_clients",
        "ALTER TABLE order_lists RENAME TO history_order_lists",
        "ALTER TABLE market_deals RENAME TO history_market_deals",
        "ALTER TABLE user_deals RENAME TO history_user_deals",
        "ALTER TABLE ledger RENAME TO history_ledger",
        "ALTER TABLE balances RENAME TO history_balances",
        "ALTER TABLE prevented_matches RENAME TO history_prevented_matches",
        "ALTER TABLE amendments RENAME TO history_amendments",
    ],
};

/// An amendment may give an order another client id; those of before did not.
const RENAMED_ORDERS: Migration = Migration {
    version: 5,
    statements: &[
        "ALTER TABLE history_amendments ADD COLUMN old_client VARCHAR(36) NOT NULL DEFAULT ''",
        "ALTER TABLE history_amendments ADD COLUMN new_client VARCHAR(36) NOT NULL DEFAULT ''",
        "UPDATE history_amendments SET old_client =
            (SELECT client_id FROM history_orders WHERE history_orders.order_id = history_amendments.order_id)
            WHERE EXISTS (SELECT client_id FROM history_orders WHERE history_orders.order_id = history_amendments.order_id)",
        "UPDATE history_amendments SET new_client = old_client",
    ],
};

/// The number of the `nth` match (from 0) that self-trade prevention kept from happening in a command: grows with time.
pub fn match_id(seq: Seq, nth: u32) -> u64 {
    // A command rarely prevents more than one; those beyond share the last number.
    const PER_COMMAND: u64 = 64;
    seq.0 * PER_COMMAND + u64::from(nth).min(PER_COMMAND - 1)
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

/// What changes in an order's row, after its key.
pub const ORDER_CHANGES: &[&str] = &[
    "order_id",
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

pub const ORDER_CLIENTS: &[&str] = &["user_id", "client_id", "order_id"];

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
];

pub const LEDGER: &[&str] =
    &["user_id", "asset_id", "kind", "at_us", "seq", "nth", "business", "business_id", "delta", "balance", "detail"];

pub const BALANCES: &[&str] = &["user_id", "asset_id", "total"];
