//! Questions to the other services, and what their refusals mean to a client. Numbers come as this API writes them.

use allin_wire::exchange::v1::{
    AggregatesReply, AggregatesRequest, CacheDealsRequest, Deal, DealsRequest, DepthRequest, DepthSnapshot,
    KlinesRequest, MarketDeal, MarketDealsRequest, PushDeal, PushSubscribe, PushTicker, TickerReply, TickerRequest,
};
use tonic::{Code as Grpc, Request, Status};

use super::super::app::App;
use super::super::call::Failure;
use super::super::markets::Market;
use crate::decimals::Padded;

/// A symbol that we know is asked for, and well-formed: whatever is wrong is not the client's doing.
pub fn refused(status: &Status) -> Failure {
    if !matches!(status.code(), Grpc::Unavailable | Grpc::NotFound | Grpc::ResourceExhausted) {
        tracing::warn!(%status, "a market data service refused a question");
    }
    Failure::away("Market data is not available at the moment. Please try again.")
}

pub async fn book(app: &App, market: &Market, limit: u32) -> Result<DepthSnapshot, Failure> {
    let request = DepthRequest { market: market.symbol().to_owned(), limit, merge: String::new() };
    let answer = app.handles.cache_center.depth(Request::new(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().padded())
}

/// Rolling 24 h, of one market.
pub async fn day(app: &App, market: &Market) -> Result<PushTicker, Failure> {
    let request = PushSubscribe { market: market.symbol().to_owned() };
    let answer = app.handles.cache_center.tickers(Request::new(request)).await;
    let mut tickers = answer.map_err(|status| refused(&status))?.into_inner().tickers;
    tickers.pop().map(Padded::padded).ok_or_else(|| refused(&Status::unavailable("no ticker")))
}

/// The newest trades with both orders, newest first, as far as they are kept in memory.
pub async fn newest_fills(app: &App, market: &Market, limit: u32) -> Result<Vec<PushDeal>, Failure> {
    let request = CacheDealsRequest { market: market.symbol().to_owned(), limit };
    let answer = app.handles.cache_center.deals(Request::new(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().deals.padded())
}

/// The newest trades, newest first.
pub async fn newest_trades(app: &App, market: &Market, limit: u32) -> Result<Vec<Deal>, Failure> {
    let request = DealsRequest { market: market.symbol().to_owned(), after_trade: 0, limit };
    let answer = app.handles.market_price.deals(Request::new(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().deals.padded())
}

pub async fn ticker(app: &App, request: TickerRequest) -> Result<TickerReply, Failure> {
    let answer = app.handles.market_price.ticker(Request::new(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().padded())
}

pub async fn klines(app: &App, request: KlinesRequest) -> Result<Vec<allin_wire::exchange::v1::Kline>, Failure> {
    let answer = app.handles.market_price.klines(Request::new(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().klines.padded())
}

/// Where aggregate trades can be counted from.
pub enum Near {
    Trade(u64),
    Number(u64),
}

/// The last mark at or before something, and the market's first.
pub async fn aggregates(app: &App, market: &Market, near: Near) -> Result<AggregatesReply, Failure> {
    let (trade, number) = match near {
        Near::Trade(trade) => (trade, 0),
        Near::Number(number) => (0, number),
    };
    let request = AggregatesRequest { market: market.symbol().to_owned(), trade, number };
    let answer = app.handles.market_price.aggregates(Request::new(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner())
}

/// Trades out of history.
pub async fn history(app: &App, request: MarketDealsRequest) -> Result<Vec<MarketDeal>, Failure> {
    let answer = app.handles.history.market_deals(Request::new(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().deals.padded())
}
