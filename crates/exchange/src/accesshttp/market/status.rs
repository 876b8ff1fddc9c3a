//! market.last, market.status, market.status_today.

use std::sync::Arc;

use allin_core::ids::Timestamp;
use allin_wire::exchange::v1::{LastRequest, TickerReply, TickerRequest};
use allin_wire::viabtc::{Code, Status, StatusToday, result_body, trim};

use super::super::error::Failure;
use super::super::run::Access;
use super::super::state::MarketInfo;

/// "0" before the first trade.
pub(in super::super) async fn last(access: &Access, id: i64, market: &str) -> Result<Vec<u8>, Failure> {
    let market = known(access, market).await?;
    Ok(result_body(id, &trim(&last_price(access, &market).await?)))
}

/// The last `period` seconds.
pub(in super::super) async fn status(access: &Access, id: i64, market: &str, period: u32) -> Result<Vec<u8>, Failure> {
    let market = known(access, market).await?;
    let ticker = window(access, &market, u64::from(period) * Timestamp::SECOND).await?;
    let last = last_price(access, &market).await?;
    // Without a trade in the period there is no price of it.
    let price = |text| if ticker.trades == 0 { "0" } else { trim(text) };
    let status = Status {
        period,
        last: trim(&last),
        open: price(&ticker.open),
        close: price(&ticker.last),
        high: price(&ticker.high),
        low: price(&ticker.low),
        volume: trim(&ticker.volume),
        deal: trim(&ticker.quote_volume),
    };
    Ok(result_body(id, &status))
}

/// Prices since midnight (UTC), volumes of the last 24 hours.
pub(in super::super) async fn status_today(access: &Access, id: i64, market: &str) -> Result<Vec<u8>, Failure> {
    let market = known(access, market).await?;
    let today = ticker(access, &market, 0, true).await?;
    let day = window(access, &market, Timestamp::DAY).await?;
    // Without a trade today, it is where the last day that had one ended.
    let price = |text| if today.trades == 0 { trim(&today.previous_close) } else { trim(text) };
    let status = StatusToday {
        open: price(&today.open),
        last: price(&today.last),
        high: price(&today.high),
        low: price(&today.low),
        volume: trim(&day.volume),
        deal: trim(&day.quote_volume),
    };
    Ok(result_body(id, &status))
}

async fn known(access: &Access, market: &str) -> Result<Arc<MarketInfo>, Failure> {
    Ok(access.tables.market(market).await?.ok_or(Code::InvalidArgument)?)
}

async fn last_price(access: &Access, market: &MarketInfo) -> Result<String, Failure> {
    let request = LastRequest { market: market.symbol().to_owned() };
    match access.handles.market_price.last(tonic::Request::new(request)).await {
        Ok(reply) => Ok(reply.into_inner().price),
        // Listed a moment ago: it has not come there yet.
        Err(status) if status.code() == tonic::Code::NotFound => Ok(String::new()),
        Err(status) => Err(status.into()),
    }
}

async fn window(access: &Access, market: &MarketInfo, window_us: u64) -> Result<TickerReply, Failure> {
    ticker(access, market, window_us, false).await
}

async fn ticker(access: &Access, market: &MarketInfo, window_us: u64, today: bool) -> Result<TickerReply, Failure> {
    let request = TickerRequest { market: market.symbol().to_owned(), window_us, today, start_us: 0 };
    match access.handles.market_price.ticker(tonic::Request::new(request)).await {
        Ok(reply) => Ok(reply.into_inner()),
        Err(status) if status.code() == tonic::Code::NotFound => Ok(TickerReply::default()),
        Err(status) => Err(status.into()),
    }
}
