//! Pages of ledger entries: from rows, and from what the deals of a user tell of them.

use std::cmp::Reverse;

use allin_core::ids::{AssetId, MarketId, OrderId, TradeId, UserId};
use allin_core::num::{Amount, FeeRate};
use allin_runtime::store::{Row, StoreError};
use allin_wire::exchange::v1::{LedgerEntry, LedgerReply, LedgerRequest};

use super::api::{Api, Moment};
use super::error::ReadError;
use super::query::{self, DealsOf, LedgerFilter, Page, Place, Span};
use crate::history_schema::catalog::{Asset, Catalog};
use crate::history_schema::{BUSINESS_TRADE, LEDGER_MOVEMENT, LEDGER_TRADE, trade_detail};

/// Entries before a page that are read to merge it here.
const MERGED_MAX: u32 = 2000;

struct Entry {
    place: Place,
    asset: AssetId,
    told: LedgerEntry,
}

impl Api {
    pub(super) async fn list_ledger(&self, request: LedgerRequest) -> Result<LedgerReply, ReadError> {
        const BUSINESS_MAX: usize = 100;
        if request.business.len() > BUSINESS_MAX {
            return Err(ReadError::Invalid("business: at most 100"));
        }
        let mut moment = self.begin().await?;
        let asset = match self.asset(&mut moment, &request.asset).await? {
            Some(None) => return Ok(LedgerReply { entries: Vec::new(), as_of_seq: moment.end().await? }),
            known => known.flatten(),
        };
        let with_trades = request.business.is_empty() || request.business.iter().any(|one| one == BUSINESS_TRADE);
        let filter = LedgerFilter {
            user: UserId(request.user),
            asset,
            business: request.business,
            span: Span { start: request.start_us, end: request.end_us }.kept(moment.kept),
            until: None,
            as_of: moment.seq,
            page: self.page(request.offset, request.limit),
        };
        let entries = match with_trades {
            true if filter.page.offset > MERGED_MAX => self.far_page(&mut moment, filter).await?,
            true => self.near_page(&mut moment, filter).await?,
            false => self.rows_of(&mut moment, &filter, LEDGER_MOVEMENT).await?,
        };
        let entries = entries.into_iter().map(|entry| entry.told).collect();
        Ok(LedgerReply { entries, as_of_seq: moment.end().await? })
    }

    /// All kinds of entries, merged here: not every database merges answers without sorting all of them.
    async fn near_page(&self, moment: &mut Moment, filter: LedgerFilter) -> Result<Vec<Entry>, StoreError> {
        let Page { offset, limit } = filter.page;
        let filter = LedgerFilter { page: Page { offset: 0, limit: offset.saturating_add(limit) }, ..filter };
        let mut entries = self.rows_of(moment, &filter, LEDGER_TRADE).await?;
        entries.extend(self.rows_of(moment, &filter, LEDGER_MOVEMENT).await?);
        for of in DealsOf::asset(filter.asset) {
            let rows = moment.rows(&query::deal_entries(&filter, of)).await?;
            entries.extend(self.read(moment, &rows, of_deal).await?.into_iter().flatten());
        }
        let is_asked_for = |entry: &Entry| {
            filter.asset.is_none_or(|asset| entry.asset == asset)
                && filter.until.is_none_or(|until| entry.place <= until)
        };
        entries.retain(is_asked_for);
        entries.sort_by_key(|entry| Reverse(entry.place));
        Ok(entries.into_iter().skip(offset as usize).take(limit as usize).collect())
    }

    /// First where its entries stand, then those.
    async fn far_page(&self, moment: &mut Moment, filter: LedgerFilter) -> Result<Vec<Entry>, StoreError> {
        let places = moment.rows(&query::ledger_far(&filter)).await?;
        let Some(first) = places.first() else { return Ok(Vec::new()) };
        let page = Page { offset: 0, limit: places.len() as u32 };
        self.near_page(moment, LedgerFilter { until: Some(place(first)?), page, ..filter }).await
    }

    async fn rows_of(&self, moment: &mut Moment, filter: &LedgerFilter, kind: u8) -> Result<Vec<Entry>, StoreError> {
        let rows = moment.rows(&query::ledger(filter, kind)).await?;
        self.read(moment, &rows, of_row).await
    }
}

fn place(row: &Row) -> Result<Place, StoreError> {
    Ok(Place { at_us: row.int(0)?, seq: row.int(1)?, nth: row.int(2)? })
}

fn of_row(row: &Row, catalog: &Catalog) -> Result<Entry, StoreError> {
    let asset = asset(catalog, row.small(4)?)?;
    let told = LedgerEntry {
        at_us: row.unsigned(0)?,
        seq: row.unsigned(1)?,
        user: row.unsigned(3)?,
        asset: asset.symbol.to_string(),
        business: row.text(5)?,
        business_id: row.int(6)?,
        change: row.text(7)?,
        balance: row.text(8)?,
        detail: row.text(9)?,
    };
    Ok(Entry { place: place(row)?, asset: asset.id, told })
}

fn asset(catalog: &Catalog, id: u32) -> Result<&Asset, StoreError> {
    catalog.asset(AssetId(id)).ok_or_else(|| StoreError::corrupt(format!("asset {id} has no row")))
}

/// What the party gave, got and paid, one after the other.
fn of_deal(row: &Row, catalog: &Catalog) -> Result<Vec<Entry>, StoreError> {
    const BUY: i64 = 2;
    let (trade, market) = (TradeId(row.unsigned(6)?), MarketId(row.small(5)?));
    let damaged = |what: &str| StoreError::corrupt(format!("deal {} of market {}: {what}", trade.0, market.0));
    let market = catalog.market(market).ok_or_else(|| damaged("its market has no row"))?;
    let (base, quote) = (asset(catalog, market.base.0)?, asset(catalog, market.quote.0)?);
    let amount = |asset: &Asset, column: usize| asset.parse(&row.text(column)?).map_err(|_| damaged("an amount"));
    let (price, qty) = (row.text(9)?, row.text(10)?);
    let lots = market.parse_qty(&qty).map_err(|_| damaged("qty"))?;
    let (base_amount, quote_amount) = (market.base_amount(base, lots), amount(quote, 11)?);
    let mut legs = match row.int(8)? {
        BUY => vec![(quote, -quote_amount), (base, base_amount)],
        _ => vec![(base, -base_amount), (quote, quote_amount)],
    };
    let fee_asset = AssetId(row.small(13)?);
    if row.int(3)? > legs.len() as i64 {
        let asset =
            [base, quote].into_iter().find(|asset| asset.id == fee_asset).ok_or_else(|| damaged("fee_asset"))?;
        legs.push((asset, -amount(asset, 12)?));
    }
    let (order, rate) = (OrderId(row.unsigned(7)?), FeeRate(row.small(14)?));
    let (base_total, quote_total) = (amount(base, 15)?, amount(quote, 16)?);
    let first = place(row)?;
    let mut entries = Vec::with_capacity(legs.len());
    for (index, (asset, change)) in legs.iter().enumerate() {
        let later: Amount = legs[index + 1..].iter().filter(|leg| leg.0.id == asset.id).map(|leg| leg.1).sum();
        let total = if asset.id == base.id { base_total } else { quote_total };
        let rate = (index == 2).then_some(rate);
        let told = LedgerEntry {
            at_us: row.unsigned(0)?,
            seq: row.unsigned(1)?,
            user: row.unsigned(4)?,
            asset: asset.symbol.to_string(),
            business: BUSINESS_TRADE.to_owned(),
            business_id: trade.0 as i64,
            change: asset.amount(*change),
            balance: asset.amount(total - later),
            detail: trade_detail(&qty, rate, order, market.symbol.as_str(), &price, trade),
        };
        entries.push(Entry { place: Place { nth: first.nth + index as i64, ..first }, asset: asset.id, told });
    }
    Ok(entries)
}
