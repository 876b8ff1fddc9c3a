//! From rows to messages.

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::Amount;
use allin_core::num::decimal;
use allin_runtime::store::{Row, StoreError};
use allin_wire::exchange::v1::{Fee, HistoryOrder, LedgerEntry, MarketDeal, UserDeal};

use crate::history_schema::catalog::Catalog;
use crate::history_schema::codes;

/// Fee rates are kept in units of 10^-8.
const RATE_SCALE: u8 = 8;

pub(super) fn order(row: &Row, catalog: &Catalog) -> Result<HistoryOrder, StoreError> {
    let id = row.unsigned(0)?;
    let name = |column: usize, table: fn(i64) -> Option<&'static str>| {
        let code = row.int(column)?;
        let damaged = || StoreError::corrupt(format!("order {id}: {code} in column {column}"));
        table(code).map(str::to_owned).ok_or_else(damaged)
    };
    let rate = |column: usize| row.int(column).map(|rate| decimal::format(Amount::from(rate), RATE_SCALE));
    Ok(HistoryOrder {
        order: id,
        user: row.unsigned(1)?,
        market: market(row, 2, catalog)?,
        side: row.small(3)?,
        kind: name(4, codes::kind_name)?,
        time_in_force: name(5, codes::tif_name)?,
        status: name(6, codes::status_name)?,
        price: row.text(7)?,
        stop_price: row.text(8)?,
        qty: row.text(9)?,
        quote_order_qty: row.text(10)?,
        filled: row.text(11)?,
        filled_quote: row.text(12)?,
        fees: fees(&row.text(13)?).ok_or_else(|| StoreError::corrupt(format!("order {id}: fees")))?,
        maker_fee_rate: rate(14)?,
        taker_fee_rate: rate(15)?,
        client_id: row.text(16)?,
        source: row.text(17)?,
        list: row.unsigned(18)?,
        created_us: row.unsigned(19)?,
        updated_us: row.unsigned(20)?,
        finished_us: row.unsigned(21)?,
        display_qty: row.text(22)?,
        trailing_delta: row.small(23)?,
        strategy_id: row.unsigned(24)?,
        strategy_type: row.small(25)?,
        prevented: row.text(26)?,
    })
}

/// `BTC=0.001,USD=1.5`
fn fees(text: &str) -> Option<Vec<Fee>> {
    let fee = |part: &str| {
        let (asset, amount) = part.split_once('=')?;
        Some(Fee { asset: asset.to_owned(), amount: amount.to_owned() })
    };
    text.split(',').filter(|part| !part.is_empty()).map(fee).collect()
}

pub(super) fn user_deal(row: &Row, catalog: &Catalog) -> Result<UserDeal, StoreError> {
    Ok(UserDeal {
        trade: row.unsigned(0)?,
        market: market(row, 1, catalog)?,
        at_us: row.unsigned(2)?,
        order: row.unsigned(3)?,
        user: row.unsigned(4)?,
        counter_order: row.unsigned(5)?,
        side: row.small(6)?,
        maker: row.flag(7)?,
        price: row.text(8)?,
        qty: row.text(9)?,
        quote: row.text(10)?,
        fee: row.text(11)?,
        fee_asset: asset(row, 12, catalog)?,
        counter_user: row.unsigned(13)?,
    })
}

pub(super) fn market_deal(row: &Row) -> Result<MarketDeal, StoreError> {
    const BUY: i64 = 2;
    Ok(MarketDeal {
        trade: row.unsigned(0)?,
        at_us: row.unsigned(1)?,
        price: row.text(2)?,
        qty: row.text(3)?,
        quote: row.text(4)?,
        taker_is_buyer: row.int(5)? == BUY,
        taker_order: row.unsigned(6)?,
    })
}

pub(super) fn ledger_entry(row: &Row, catalog: &Catalog) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        at_us: row.unsigned(0)?,
        seq: row.unsigned(1)?,
        user: row.unsigned(3)?,
        asset: asset(row, 4, catalog)?,
        business: row.text(5)?,
        business_id: row.int(6)?,
        change: row.text(7)?,
        balance: row.text(8)?,
        detail: row.text(9)?,
    })
}

fn market(row: &Row, column: usize, catalog: &Catalog) -> Result<String, StoreError> {
    let id = MarketId(row.small(column)?);
    let market = catalog.market(id).ok_or_else(|| StoreError::corrupt(format!("market {} has no row", id.0)))?;
    Ok(market.symbol.to_string())
}

fn asset(row: &Row, column: usize, catalog: &Catalog) -> Result<String, StoreError> {
    let id = AssetId(row.small(column)?);
    let asset = catalog.asset(id).ok_or_else(|| StoreError::corrupt(format!("asset {} has no row", id.0)))?;
    Ok(asset.symbol.to_string())
}
