//! The role's tables. One row a bar of a stored interval, one row a recent trade, and the position they go up to.

use std::collections::BTreeMap;

use allin_core::candles::{Bar, Fill, Interval, Span};
use allin_core::ids::{MarketId, OrderId, Seq, Timestamp, TradeId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_runtime::args;
use allin_runtime::store::{Migration, Position, Row, Rows, Schema, Store, StoreError, Tx, Updates, Value};

use super::config::MarketPriceSection;
use super::state::{BASES, Changes, Mark, Stored};
use crate::aggregates::Numbering;

const MIGRATIONS: &[Migration] = &[FIRST, AGGREGATES];

const FIRST: Migration = Migration {
    version: 1,
    statements: &[
        "CREATE TABLE marketprice_bars (\
            market BIGINT NOT NULL, base SMALLINT NOT NULL, start_us BIGINT NOT NULL, \
            open_ticks BIGINT NOT NULL, high_ticks BIGINT NOT NULL, low_ticks BIGINT NOT NULL, close_ticks BIGINT NOT NULL, \
            volume VARCHAR(40) NOT NULL, quote VARCHAR(40) NOT NULL, trades BIGINT NOT NULL, \
            taker_volume VARCHAR(40) NOT NULL, taker_quote VARCHAR(40) NOT NULL, \
            first_trade BIGINT NOT NULL, last_trade BIGINT NOT NULL, \
            PRIMARY KEY (market, base, start_us)) {clustered}",
        "CREATE TABLE marketprice_deals (\
            market BIGINT NOT NULL, trade BIGINT NOT NULL, at_us BIGINT NOT NULL, ticks BIGINT NOT NULL, \
            lots BIGINT NOT NULL, quote VARCHAR(40) NOT NULL, taker_buys SMALLINT NOT NULL, \
            PRIMARY KEY (market, trade)) {clustered}",
    ],
};

/// Numbers of aggregate trades. Those of before were not counted, and keep the number of their first trade.
const AGGREGATES: Migration = Migration {
    version: 2,
    statements: &[
        "CREATE TABLE marketprice_marks (\
            market BIGINT NOT NULL, trade BIGINT NOT NULL, number BIGINT NOT NULL, \
            PRIMARY KEY (market, trade)) {clustered}",
        "CREATE INDEX marketprice_marks_number ON marketprice_marks (market, number)",
        "CREATE TABLE marketprice_numbering (\
            market BIGINT NOT NULL, trade BIGINT NOT NULL, number BIGINT NOT NULL, taker_order BIGINT NOT NULL, \
            at_us BIGINT NOT NULL, ticks BIGINT NOT NULL, \
            PRIMARY KEY (market)) {clustered}",
    ],
};

const BAR_COLUMNS: &[&str] = &[
    "market",
    "base",
    "start_us",
    "open_ticks",
    "high_ticks",
    "low_ticks",
    "close_ticks",
    "volume",
    "quote",
    "trades",
    "taker_volume",
    "taker_quote",
    "first_trade",
    "last_trade",
];
const BAR_KEYS: usize = 3;
const DEAL_COLUMNS: &[&str] = &["market", "trade", "at_us", "ticks", "lots", "quote", "taker_buys"];

const MARK_COLUMNS: &[&str] = &["market", "trade", "number"];
const NUMBERING_COLUMNS: &[&str] = &["market", "trade", "number", "taker_order", "at_us", "ticks"];

const SELECT_BARS: &str = "SELECT start_us, open_ticks, high_ticks, low_ticks, close_ticks, volume, quote, trades, \
    taker_volume, taker_quote, first_trade, last_trade FROM marketprice_bars WHERE market = ? AND base = ?";

/// What the role keeps under a service's name.
pub fn schema(name: &'static str) -> Schema {
    Schema { namespace: name, migrations: MIGRATIONS, consumer: Some(name) }
}

#[derive(Clone)]
pub(super) struct Tables {
    store: Store,
    position: Position,
}

/// What of a market is out of its keeping time: up to which trade and before which second it was cleared.
pub(super) type Cleared = BTreeMap<MarketId, (TradeId, Timestamp)>;

impl Tables {
    pub async fn open(url: &str, name: &'static str) -> Result<Tables, StoreError> {
        let store = Store::open(url).await?;
        schema(name).apply(&store).await?;
        let position = Position::new(name);
        Ok(Tables { store, position })
    }

    pub fn is_present(&self) -> bool {
        self.store.is_present()
    }

    pub async fn close(&self) {
        self.store.close().await;
    }

    /// One moment of the tables.
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        self.store.snapshot().await
    }

    pub async fn position(&self) -> Result<Seq, StoreError> {
        let mut tx = self.snapshot().await?;
        let position = self.position.load(&mut tx).await?;
        tx.commit().await?;
        Ok(position)
    }

    /// Drops everything: the tables are of another log.
    pub async fn reset(&self, from: Seq) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        tx.execute("DELETE FROM marketprice_bars", &[]).await?;
        tx.execute("DELETE FROM marketprice_deals", &[]).await?;
        tx.execute("DELETE FROM marketprice_marks", &[]).await?;
        tx.execute("DELETE FROM marketprice_numbering", &[]).await?;
        self.position.advance(&mut tx, from, Seq(0)).await?;
        tx.commit().await
    }

    /// The newest bars of each market; markets without a trade have none.
    pub async fn newest(&self, markets: &[MarketId]) -> Result<Vec<(MarketId, Stored)>, StoreError> {
        let mut tx = self.snapshot().await?;
        let mut found = Vec::new();
        for market in markets {
            let mut stored = Stored::default();
            // Longest first: without a day there is nothing else.
            for base in (0..BASES).rev() {
                let newest = last_before(&mut tx, *market, Interval::BASES[base], Timestamp(i64::MAX as u64)).await?;
                if newest.is_none() && base == BASES - 1 {
                    break;
                }
                stored.bars[base] = newest;
            }
            if stored.bars[BASES - 1].is_some() {
                stored.numbering = numbering(&mut tx, *market).await?;
                let newest = mark(&mut tx, *market, Near::Trade(u64::MAX)).await?;
                stored.marked = newest.map_or(TradeId(0), |mark| mark.trade);
                found.push((*market, stored));
            }
        }
        tx.commit().await?;
        Ok(found)
    }

    /// Writes changes and the new position in one transaction, and clears what is too old.
    pub async fn commit(
        &self,
        from: Seq,
        changes: &Changes,
        config: &MarketPriceSection,
        cleared: &mut Cleared,
    ) -> Result<(), StoreError> {
        let mut inserts = Rows::new("marketprice_bars", BAR_COLUMNS);
        let mut updates = Updates::new("marketprice_bars", BAR_KEYS, BAR_COLUMNS);
        for changed in &changes.bars {
            let values = bar_values(changed.market, changed.interval, &changed.bar);
            if changed.is_new { inserts.push(values) } else { updates.push(values) }
        }
        let mut deals = Rows::new("marketprice_deals", DEAL_COLUMNS);
        for (market, deal) in &changes.deals {
            deals.push(deal_values(*market, deal));
        }
        let mut tx = self.store.begin().await?;
        tx.insert(&inserts).await?;
        let changed = tx.update(&updates).await?;
        if changed != updates.len() as u64 {
            return Err(StoreError::corrupt(format!("{} bars to change, {changed} are there", updates.len())));
        }
        tx.insert(&deals).await?;
        write_numbers(&mut tx, changes).await?;
        let clearings = clear(&mut tx, changes, config, cleared).await?;
        self.position.advance(&mut tx, from, changes.seq).await?;
        tx.commit().await?;
        cleared.extend(clearings);
        Ok(())
    }
}

async fn write_numbers(tx: &mut Tx, changes: &Changes) -> Result<(), StoreError> {
    let mut marks = Rows::new("marketprice_marks", MARK_COLUMNS);
    for (market, mark) in &changes.marks {
        marks.push([(*market).into(), mark.trade.into(), mark.number.into()]);
    }
    tx.insert(&marks).await?;
    let mut inserts = Rows::new("marketprice_numbering", NUMBERING_COLUMNS);
    let mut updates = Updates::new("marketprice_numbering", 1, NUMBERING_COLUMNS);
    for (market, now, is_new) in &changes.numberings {
        let (trade, number, price) = (now.trade.into(), now.number.into(), now.price.0.into());
        let values = [(*market).into(), trade, number, now.taker_order.into(), now.at.into(), price];
        if *is_new { inserts.push(values) } else { updates.push(values) }
    }
    tx.insert(&inserts).await?;
    tx.update(&updates).await?;
    Ok(())
}

async fn numbering(tx: &mut Tx, market: MarketId) -> Result<Option<Numbering>, StoreError> {
    let sql = "SELECT trade, number, taker_order, at_us, ticks FROM marketprice_numbering WHERE market = ?";
    let rows = tx.query(sql, args![market]).await?;
    let one = |row: &Row| {
        Ok(Numbering {
            trade: TradeId(row.unsigned(0)?),
            number: row.unsigned(1)?,
            taker_order: OrderId(row.unsigned(2)?),
            at: Timestamp(row.unsigned(3)?),
            price: PriceTicks(row.unsigned(4)?),
        })
    };
    rows.first().map(one).transpose()
}

/// What a mark is looked for by.
#[derive(Clone, Copy)]
pub(super) enum Near {
    Trade(u64),
    Number(u64),
    /// The first of the market.
    Beginning,
}

/// The last mark at or before it.
pub(super) async fn mark(tx: &mut Tx, market: MarketId, near: Near) -> Result<Option<Mark>, StoreError> {
    let (bound, value) = match near {
        Near::Trade(trade) => ("AND trade <= ? ORDER BY trade DESC", trade),
        Near::Number(number) => ("AND number <= ? ORDER BY number DESC", number),
        Near::Beginning => ("AND trade >= ? ORDER BY trade", 0),
    };
    let sql = format!("SELECT trade, number FROM marketprice_marks WHERE market = ? {bound} LIMIT 1");
    let rows = tx.query(&sql, args![market, value.min(i64::MAX as u64)]).await?;
    let one = |row: &Row| Ok(Mark { trade: TradeId(row.unsigned(0)?), number: row.unsigned(1)? });
    rows.first().map(one).transpose()
}

/// Deletes trades and seconds that are not kept any more, once an eighth (or an hour) of them has gathered.
async fn clear(
    tx: &mut Tx,
    changes: &Changes,
    config: &MarketPriceSection,
    cleared: &Cleared,
) -> Result<Cleared, StoreError> {
    let mut clearings = Cleared::new();
    for (market, newest, second) in &changes.newest {
        let (mut trade, mut start) = cleared.get(market).copied().unwrap_or_default();
        let last_trade = TradeId(newest.0.saturating_sub(config.deals_kept));
        if last_trade.0 > trade.0 + config.deals_kept / 8 {
            let sql = "DELETE FROM marketprice_deals WHERE market = ? AND trade <= ?";
            tx.execute(sql, args![*market, last_trade]).await?;
            trade = last_trade;
        }
        let kept_from = seconds_from(*second, config);
        if kept_from.0 > start.plus(60 * Timestamp::MINUTE).0 {
            let sql = "DELETE FROM marketprice_bars WHERE market = ? AND base = ? AND start_us < ?";
            tx.execute(sql, args![*market, Interval::S1 as u8, kept_from]).await?;
            start = kept_from;
        }
        clearings.insert(*market, (trade, start));
    }
    Ok(clearings)
}

/// Where the one-second bars that are kept at `now` begin: at a whole minute.
pub(super) fn seconds_from(now: Timestamp, config: &MarketPriceSection) -> Timestamp {
    let from = now.0.saturating_sub(config.seconds_kept_s.saturating_mul(Timestamp::SECOND));
    Timestamp(from - from % Timestamp::MINUTE)
}

/// Bars that begin within the span, in order of time.
pub(super) async fn bars(
    tx: &mut Tx,
    market: MarketId,
    interval: Interval,
    span: Span,
) -> Result<Vec<Bar>, StoreError> {
    let sql = format!("{SELECT_BARS} AND start_us >= ? AND start_us < ? ORDER BY start_us");
    let rows = tx.query(&sql, args![market, interval as u8, sortable(span.start), sortable(span.end)]).await?;
    rows.iter().map(bar).collect()
}

/// The newest bar that begins before `end`.
pub(super) async fn last_before(
    tx: &mut Tx,
    market: MarketId,
    interval: Interval,
    end: Timestamp,
) -> Result<Option<Bar>, StoreError> {
    let sql = format!("{SELECT_BARS} AND start_us < ? ORDER BY start_us DESC LIMIT 1");
    let rows = tx.query(&sql, args![market, interval as u8, sortable(end)]).await?;
    rows.first().map(bar).transpose()
}

/// The oldest bar.
pub(super) async fn first(tx: &mut Tx, market: MarketId, interval: Interval) -> Result<Option<Bar>, StoreError> {
    let sql = format!("{SELECT_BARS} ORDER BY start_us LIMIT 1");
    let rows = tx.query(&sql, args![market, interval as u8]).await?;
    rows.first().map(bar).transpose()
}

/// The newest trades between two ids, both left out, newest first.
pub(super) async fn deals(
    tx: &mut Tx,
    market: MarketId,
    after: TradeId,
    before: TradeId,
    limit: usize,
) -> Result<Vec<Fill>, StoreError> {
    let sql = "SELECT trade, at_us, ticks, lots, quote, taker_buys FROM marketprice_deals \
        WHERE market = ? AND trade > ? AND trade < ? ORDER BY trade DESC LIMIT ?";
    let rows = tx.query(sql, args![market, after, before, limit as u64]).await?;
    rows.iter().map(deal).collect()
}

/// SQL sorts signed numbers; a time past them is the end of time.
fn sortable(at: Timestamp) -> Timestamp {
    Timestamp(at.0.min(i64::MAX as u64))
}

fn bar_values(market: MarketId, interval: Interval, bar: &Bar) -> [Value; 14] {
    [
        market.into(),
        (interval as u8).into(),
        bar.start.into(),
        bar.open.0.into(),
        bar.high.0.into(),
        bar.low.0.into(),
        bar.close.0.into(),
        bar.volume.to_string().into(),
        bar.quote.to_string().into(),
        bar.trades.into(),
        bar.taker_buy_volume.to_string().into(),
        bar.taker_buy_quote.to_string().into(),
        bar.first_trade.into(),
        bar.last_trade.into(),
    ]
}

fn bar(row: &Row) -> Result<Bar, StoreError> {
    Ok(Bar {
        start: Timestamp(row.unsigned(0)?),
        open: PriceTicks(row.unsigned(1)?),
        high: PriceTicks(row.unsigned(2)?),
        low: PriceTicks(row.unsigned(3)?),
        close: PriceTicks(row.unsigned(4)?),
        volume: number(row, 5)?,
        quote: number(row, 6)?,
        trades: row.unsigned(7)?,
        taker_buy_volume: number(row, 8)?,
        taker_buy_quote: number(row, 9)?,
        first_trade: TradeId(row.unsigned(10)?),
        last_trade: TradeId(row.unsigned(11)?),
    })
}

fn deal_values(market: MarketId, deal: &Fill) -> [Value; 7] {
    [
        market.into(),
        deal.trade.into(),
        deal.at.into(),
        deal.price.0.into(),
        deal.qty.0.into(),
        deal.quote.to_string().into(),
        deal.taker_is_buyer.into(),
    ]
}

fn deal(row: &Row) -> Result<Fill, StoreError> {
    Ok(Fill {
        trade: TradeId(row.unsigned(0)?),
        at: Timestamp(row.unsigned(1)?),
        price: PriceTicks(row.unsigned(2)?),
        qty: QtyLots(row.unsigned(3)?),
        quote: number(row, 4)?,
        taker_is_buyer: row.flag(5)?,
    })
}

fn number<T: std::str::FromStr>(row: &Row, column: usize) -> Result<T, StoreError> {
    let text = row.text(column)?;
    text.parse().map_err(|_| StoreError::corrupt(format!("column {column}: {text:?} is no number")))
}
