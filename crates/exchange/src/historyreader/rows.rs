//! From rows to messages.

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::Amount;
use allin_core::num::decimal;
use allin_runtime::store::{Row, StoreError};
use allin_wire::exchange::v1::{
    Amendment, Fee, HistoryList, HistoryOrder, ListedOrder, MarketDeal, PreventedMatch, UserDeal,
};

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
        self_trade_prevention: name(27, codes::stp_name)?,
        working_us: row.unsigned(28)?,
        expiry_reason: codes::expiry_reason(row.int(6)?, row.int(29)?, row.int(4)?, row.int(5)?)
            .unwrap_or_default()
            .to_owned(),
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
        list: row.unsigned(14)?,
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

/// Without the client ids of its orders.
pub(super) fn list(row: &Row, catalog: &Catalog) -> Result<HistoryList, StoreError> {
    let id = row.unsigned(0)?;
    let contingency = codes::contingency_name(row.int(4)?);
    let mut orders = Vec::new();
    for column in 5..8 {
        let order = row.unsigned(column)?;
        if order != 0 {
            orders.push(ListedOrder { order, client_id: String::new() });
        }
    }
    Ok(HistoryList {
        list: id,
        user: row.unsigned(1)?,
        market: market(row, 2, catalog)?,
        client_id: row.text(3)?,
        contingency: contingency.ok_or_else(|| StoreError::corrupt(format!("list {id}: contingency")))?.to_owned(),
        orders,
        created_us: row.unsigned(8)?,
        finished_us: row.unsigned(9)?,
    })
}

pub(super) fn prevented(row: &Row, catalog: &Catalog) -> Result<PreventedMatch, StoreError> {
    let id = row.unsigned(0)?;
    let own = (row.unsigned(3)?, row.unsigned(4)?);
    let other = (row.unsigned(6)?, row.unsigned(7)?);
    let (taker, maker) = if row.flag(5)? { (own, other) } else { (other, own) };
    let stp = codes::stp_name(row.int(10)?);
    Ok(PreventedMatch {
        r#match: id,
        market: market(row, 1, catalog)?,
        at_us: row.unsigned(2)?,
        maker_order: maker.0,
        taker_order: taker.0,
        maker_user: maker.1,
        taker_user: taker.1,
        price: row.text(8)?,
        qty: row.text(9)?,
        self_trade_prevention: stp.ok_or_else(|| StoreError::corrupt(format!("match {id}: mode")))?.to_owned(),
    })
}

pub(super) fn amendment(row: &Row) -> Result<Amendment, StoreError> {
    Ok(Amendment {
        seq: row.unsigned(0)?,
        at_us: row.unsigned(1)?,
        old_qty: row.text(2)?,
        new_qty: row.text(3)?,
        old_client_id: row.text(4)?,
        new_client_id: row.text(5)?,
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
