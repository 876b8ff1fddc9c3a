//! What the methods give back.

use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};

use super::json::Json;
use super::number::{Decimal, Seconds};

/// balance.update
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Success {
    pub status: &'static str,
}

impl Success {
    pub const SUCCESS: Success = Success { status: "success" };
}

/// balance.query, one asset.
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    pub available: Decimal,
    pub freeze: Decimal,
}

/// balance.query: an object with a member for each asset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balances<'a>(pub Vec<(&'a str, Balance)>);

impl Serialize for Balances<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (asset, balance) in &self.0 {
            map.serialize_entry(asset, balance)?;
        }
        map.end()
    }
}

/// A page of records, as history gives them.
#[derive(serde::Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    pub offset: u32,
    pub limit: u32,
    pub records: Vec<T>,
}

/// balance.history
#[derive(serde::Serialize, Debug)]
pub struct LedgerRecord<'a> {
    pub time: Seconds,
    pub asset: &'a str,
    pub business: &'a str,
    pub change: &'a str,
    pub balance: &'a str,
    pub detail: Json<'a>,
}

/// asset.list
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asset<'a> {
    pub name: &'a str,
    pub prec: u8,
}

/// asset.summary
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct AssetSummary<'a> {
    pub name: &'a str,
    pub total_balance: Decimal,
    pub available_count: u64,
    pub available_balance: Decimal,
    pub freeze_count: u64,
    pub freeze_balance: Decimal,
}

/// An order in the book, or as a command left it.
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order<'a> {
    pub id: u64,
    pub market: &'a str,
    pub source: &'a str,
    /// 1 limit, 2 market.
    #[serde(rename = "type")]
    pub kind: u8,
    pub side: u8,
    pub user: u64,
    pub ctime: Seconds,
    pub mtime: Seconds,
    pub price: Decimal,
    pub amount: Decimal,
    pub taker_fee: Decimal,
    pub maker_fee: Decimal,
    pub left: Decimal,
    pub deal_stock: Decimal,
    pub deal_money: Decimal,
    /// `null` while history cannot tell it.
    pub deal_fee: Option<Decimal>,
}

/// order.finished, order.finished_detail
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct FinishedOrder<'a> {
    pub id: u64,
    pub ctime: Seconds,
    pub ftime: Seconds,
    pub user: u64,
    pub market: &'a str,
    pub source: &'a str,
    #[serde(rename = "type")]
    pub kind: u8,
    pub side: u8,
    pub price: &'a str,
    pub amount: &'a str,
    pub taker_fee: &'a str,
    pub maker_fee: &'a str,
    pub deal_stock: &'a str,
    pub deal_money: &'a str,
    pub deal_fee: Decimal,
}

/// order.pending
#[derive(serde::Serialize, Clone, PartialEq, Eq, Debug)]
pub struct OrderPage<'a> {
    pub limit: u32,
    pub offset: u32,
    pub total: u64,
    pub records: Vec<Order<'a>>,
}

/// order.book
#[derive(serde::Serialize, Clone, PartialEq, Eq, Debug)]
pub struct BookPage<'a> {
    pub offset: u32,
    pub limit: u32,
    pub total: u64,
    pub orders: Vec<Order<'a>>,
}

/// order.depth
#[derive(serde::Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Depth {
    pub asks: Vec<DepthLevel>,
    pub bids: Vec<DepthLevel>,
}

/// `[price, amount]`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DepthLevel {
    pub price: Decimal,
    pub amount: Decimal,
}

impl Serialize for DepthLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(&self.price)?;
        pair.serialize_element(&self.amount)?;
        pair.end()
    }
}

/// order.deals
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderDeal<'a> {
    pub time: Seconds,
    pub user: u64,
    pub id: u64,
    /// 1 maker, 2 taker.
    pub role: u8,
    pub price: &'a str,
    pub amount: &'a str,
    pub deal: &'a str,
    pub fee: &'a str,
    pub deal_order_id: u64,
}

/// market.user_deals
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserDeal<'a> {
    pub time: Seconds,
    pub user: u64,
    pub id: u64,
    pub side: u8,
    /// 1 maker, 2 taker.
    pub role: u8,
    pub price: &'a str,
    pub amount: &'a str,
    pub deal: &'a str,
    pub fee: &'a str,
    pub deal_order_id: u64,
    pub market: &'a str,
}

/// market.list
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Market<'a> {
    pub name: &'a str,
    pub stock: &'a str,
    pub money: &'a str,
    pub fee_prec: u8,
    pub stock_prec: u8,
    pub money_prec: u8,
    pub min_amount: Decimal,
}

/// market.summary
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct MarketSummary<'a> {
    pub name: &'a str,
    pub ask_count: u64,
    pub ask_amount: Decimal,
    pub bid_count: u64,
    pub bid_amount: Decimal,
}

/// market.deals
#[derive(serde::Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Deal {
    pub id: u64,
    pub time: Seconds,
    pub price: String,
    pub amount: String,
    /// `sell` or `buy`: what the taker did.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// market.kline: `[time, open, close, high, low, volume, deal, market]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KlineRow<'a> {
    pub time: u64,
    pub open: String,
    pub close: String,
    pub high: String,
    pub low: String,
    pub volume: String,
    pub deal: String,
    pub market: &'a str,
}

impl Serialize for KlineRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_tuple(8)?;
        row.serialize_element(&self.time)?;
        for text in [&self.open, &self.close, &self.high, &self.low, &self.volume, &self.deal] {
            row.serialize_element(text)?;
        }
        row.serialize_element(self.market)?;
        row.end()
    }
}

/// market.status
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status<'a> {
    pub period: u32,
    pub last: &'a str,
    pub open: &'a str,
    pub close: &'a str,
    pub high: &'a str,
    pub low: &'a str,
    pub volume: &'a str,
    pub deal: &'a str,
}

/// market.status_today
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusToday<'a> {
    pub open: &'a str,
    pub last: &'a str,
    pub high: &'a str,
    pub low: &'a str,
    pub volume: &'a str,
    pub deal: &'a str,
}
