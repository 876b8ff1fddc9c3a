//! The tables of every service that keeps some, for commands that look after databases from outside.

use allin_exchange::{history_schema, marketprice, tradesummary};
use allin_landry::{spotapi, userserver};
use allin_runtime::store::Schema;

/// Service, and what it keeps. historyreader reads the writer's.
pub fn all() -> Vec<(&'static str, Schema)> {
    const MARKETPRICE: &str = "landry-ces-marketprice";
    const TRADESUMMARY: &str = "landry-ces-tradesummary";
    const USERSERVER: &str = "landry-userserver-web";
    vec![
        ("landry-ces-historywriter", history_schema::SCHEMA),
        (MARKETPRICE, marketprice::schema(MARKETPRICE)),
        (TRADESUMMARY, tradesummary::schema(TRADESUMMARY)),
        (USERSERVER, userserver::schema(USERSERVER)),
        ("landry-spotapi-web", spotapi::SCHEMA),
    ]
}
