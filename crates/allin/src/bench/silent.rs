//! Owns read services that know nothing, for a bench of what does not ask them.

use allin_wire::exchange::v1::{
    AggregatesReply, AggregatesRequest, AmendmentsReply, AmendmentsRequest, CacheDealsReply, CacheDealsRequest,
    CacheTickersReply, DealsReply, DealsRequest, DepthRequest, DepthSnapshot, KlinesReply, KlinesRequest, LastReply,
    LastRequest, LedgerReply, LedgerRequest, ListsReply, ListsRequest, MarketDealsReply, MarketDealsRequest,
    OrderDealsRequest, OrderReply, OrderRequest, OrdersReply, OrdersRequest, PreventedMatchesReply,
    PreventedMatchesRequest, PushKline, PushKlines, PushSubscribe, StandingReply, StandingRequest, TickerReply,
    TickerRequest, UserDealsReply, UserDealsRequest, cache_query_server::CacheQuery,
    history_reader_server::HistoryReader, market_price_server::MarketPrice,
};
use async_trait::async_trait;
use tonic::{Request, Response, Status};

/// Answers that it is not there.
pub struct Silent;

type Nothing<T> = Result<Response<T>, Status>;

fn nothing<T>() -> Nothing<T> {
    Err(Status::unavailable("a bench has no such service"))
}

#[async_trait]
impl HistoryReader for Silent {
    async fn orders(&self, _: Request<OrdersRequest>) -> Nothing<OrdersReply> {
        nothing()
    }
    async fn order(&self, _: Request<OrderRequest>) -> Nothing<OrderReply> {
        nothing()
    }
    async fn order_deals(&self, _: Request<OrderDealsRequest>) -> Nothing<UserDealsReply> {
        nothing()
    }
    async fn user_deals(&self, _: Request<UserDealsRequest>) -> Nothing<UserDealsReply> {
        nothing()
    }
    async fn market_deals(&self, _: Request<MarketDealsRequest>) -> Nothing<MarketDealsReply> {
        nothing()
    }
    async fn ledger(&self, _: Request<LedgerRequest>) -> Nothing<LedgerReply> {
        nothing()
    }
    async fn lists(&self, _: Request<ListsRequest>) -> Nothing<ListsReply> {
        nothing()
    }
    async fn prevented_matches(&self, _: Request<PreventedMatchesRequest>) -> Nothing<PreventedMatchesReply> {
        nothing()
    }
    async fn amendments(&self, _: Request<AmendmentsRequest>) -> Nothing<AmendmentsReply> {
        nothing()
    }
}

#[async_trait]
impl MarketPrice for Silent {
    async fn last(&self, _: Request<LastRequest>) -> Nothing<LastReply> {
        nothing()
    }
    async fn klines(&self, _: Request<KlinesRequest>) -> Nothing<KlinesReply> {
        nothing()
    }
    async fn ticker(&self, _: Request<TickerRequest>) -> Nothing<TickerReply> {
        nothing()
    }
    async fn deals(&self, _: Request<DealsRequest>) -> Nothing<DealsReply> {
        nothing()
    }
    async fn standing(&self, _: Request<StandingRequest>) -> Nothing<StandingReply> {
        nothing()
    }
    /// No market has traded, as of the present: the streams begin there.
    async fn aggregates(&self, _: Request<AggregatesRequest>) -> Nothing<AggregatesReply> {
        Ok(Response::new(AggregatesReply { as_of_seq: u64::MAX, ..AggregatesReply::default() }))
    }
}

#[async_trait]
impl CacheQuery for Silent {
    async fn depth(&self, _: Request<DepthRequest>) -> Nothing<DepthSnapshot> {
        nothing()
    }
    async fn deals(&self, _: Request<CacheDealsRequest>) -> Nothing<CacheDealsReply> {
        nothing()
    }
    async fn klines(&self, _: Request<PushKlines>) -> Nothing<PushKline> {
        nothing()
    }
    async fn tickers(&self, _: Request<PushSubscribe>) -> Nothing<CacheTickersReply> {
        nothing()
    }
}
