//! The JSON of ViaBTC Exchange Server's HTTP protocol: requests, results, error codes (ViaBTC HTTP protocol).
//!
//! Bytes become a [`Request`] in one pass that refuses what is ambiguous (duplicate keys, floats where integers belong);
//! [`Call::parse`] gives the parameters of a method their types. Decimals stay text here, because their scale is known
//! only to whoever knows the market.

mod call;
mod error;
mod json;
mod method;
mod number;
mod params;
mod reply;
mod request;
mod result;

pub use call::{Call, DepthQuery, HistoryQuery, Kline, MarketOrder, OrdersQuery, Page, PutLimit, SOURCE_MAX, Update};
pub use error::{Code, Error};
pub use json::{Json, KEYS_MAX};
pub use method::Method;
pub use number::{Decimal, Seconds, trim};
pub use params::Invalid;
pub use reply::{error_body, result_body};
pub use request::{Malformed, Request};
pub use result::{
    Asset, AssetSummary, Balance, Balances, BookPage, Deal, Depth, DepthLevel, FinishedOrder, KlineRow, LedgerRecord,
    Market, MarketSummary, Order, OrderDeal, OrderPage, Page as ResultPage, Status, StatusToday, Success, UserDeal,
};

/// A side as the protocol numbers it.
pub fn side_number(side: allin_core::spot::command::Side) -> u8 {
    match side {
        allin_core::spot::command::Side::Sell => 1,
        allin_core::spot::command::Side::Buy => 2,
    }
}
