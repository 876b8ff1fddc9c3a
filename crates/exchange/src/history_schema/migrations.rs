//! How the tables came to be, step by step.

use allin_runtime::store::Migration;

pub const MIGRATIONS: &[Migration] =
    &[FIRST, TAKERS, DETAILS, NAMES, RENAMED_ORDERS, DEALS_TELL_ENTRIES, TOLD_FIRST, MONTHS];

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

/// A party's deal tells the ledger entries that it made. Deals of before have theirs as rows: `legs` is 0.
const DEALS_TELL_ENTRIES: Migration = Migration {
    version: 6,
    statements: &[
        "ALTER TABLE history_user_deals ADD COLUMN seq BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE history_user_deals ADD COLUMN nth BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE history_user_deals ADD COLUMN legs SMALLINT NOT NULL DEFAULT 0",
        "ALTER TABLE history_user_deals ADD COLUMN rate BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE history_user_deals ADD COLUMN base_asset BIGINT NOT NULL DEFAULT -1",
        "ALTER TABLE history_user_deals ADD COLUMN quote_asset BIGINT NOT NULL DEFAULT -1",
        "ALTER TABLE history_user_deals ADD COLUMN base_total VARCHAR(48) NOT NULL DEFAULT ''",
        "ALTER TABLE history_user_deals ADD COLUMN quote_total VARCHAR(48) NOT NULL DEFAULT ''",
        "DROP INDEX user_deals_time ON history_user_deals",
        "CREATE INDEX user_deals_time ON history_user_deals (user_id, at_us, seq, nth)",
        "CREATE INDEX user_deals_base ON history_user_deals (user_id, base_asset, at_us, seq, nth)",
        "CREATE INDEX user_deals_quote ON history_user_deals (user_id, quote_asset, at_us, seq, nth)",
    ],
};

/// Parties' deals and ledger entries are written ahead of the rest, with a position of their own.
const TOLD_FIRST: Migration = Migration {
    version: 7,
    statements: &["INSERT INTO positions (name, seq)
            SELECT 'historywriter.told', seq FROM positions WHERE name = 'historywriter'"],
};

/// What grows with trading lies in parts of a month each, and its beginning may be cut off.
const MONTHS: Migration = Migration {
    version: 8,
    statements: &[
        "ALTER TABLE history_order_clients ADD COLUMN at_us BIGINT NOT NULL DEFAULT 0",
        "UPDATE history_order_clients SET at_us =
            (SELECT created_us FROM history_orders WHERE history_orders.order_id = history_order_clients.order_id)
            WHERE EXISTS (SELECT created_us FROM history_orders WHERE history_orders.order_id = history_order_clients.order_id)",
        "PARTITION history_orders BY MONTHS OF created_us KEY (order_id, created_us)",
        "PARTITION history_order_clients BY MONTHS OF at_us KEY (user_id, client_id, order_id, at_us)",
        "PARTITION history_market_deals BY MONTHS OF at_us KEY (market_id, trade_id, at_us)",
        "PARTITION history_user_deals BY MONTHS OF at_us KEY (user_id, market_id, trade_id, maker, at_us)",
        "PARTITION history_ledger BY MONTHS OF at_us KEY (user_id, asset_id, kind, at_us, seq, nth)",
        "PARTITION history_prevented_matches BY MONTHS OF at_us KEY (order_id, match_id, at_us)",
        "PARTITION history_amendments BY MONTHS OF at_us KEY (order_id, seq, at_us)",
        "CREATE TABLE history_kept (
            id {id} NOT NULL PRIMARY KEY,
            from_us BIGINT NOT NULL, swept_us BIGINT NOT NULL, reached_us BIGINT NOT NULL)",
        "INSERT INTO history_kept (id, from_us, swept_us, reached_us) VALUES (1, 0, 0, 0)",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that are gone would be taken for written.
    #[test]
    fn who_sends_the_writer_back_sends_both_its_lanes_back() {
        let after = MIGRATIONS.iter().skip_while(|migration| migration.version <= TOLD_FIRST.version);
        for statement in after.flat_map(|migration| migration.statements) {
            let sends_back = statement.contains("positions") && statement.contains("historywriter");
            assert!(!sends_back || statement.contains("LIKE 'historywriter%'"), "{statement}");
        }
    }
}
