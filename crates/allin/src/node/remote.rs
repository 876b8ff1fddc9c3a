//! Read services of another process, as if they were of this one.

use std::time::Duration;

use allin_wire::exchange::v1::cache_query_client::CacheQueryClient;
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::history_reader_client::HistoryReaderClient;
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::market_price_client::MarketPriceClient;
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use allin_wire::exchange::v1::*;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, async_trait};

use super::{Failure, Plan};

/// Longest wait for an answer of another process.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A connection to a service's port; made when first used, and again when it broke.
pub fn channel(plan: &Plan, service: &str, port: u16) -> Result<Channel, Failure> {
    let address = plan.deployment.addresses.of(service, port).ok_or_else(|| format!("{service} has no port {port}"))?;
    Ok(Endpoint::from_shared(format!("http://{address}"))?.timeout(ANSWER_MAX).connect_lazy())
}

pub struct RemoteHistory(pub HistoryReaderClient<Channel>);

pub struct RemoteMarketPrice(pub MarketPriceClient<Channel>);

pub struct RemoteCacheQuery(pub CacheQueryClient<Channel>);

macro_rules! forward {
    ($service:ident for $remote:ident { $($method:ident($request:ty) -> $reply:ty;)* }) => {
        #[async_trait]
        impl $service for $remote {
            $(async fn $method(&self, request: Request<$request>) -> Result<Response<$reply>, Status> {
                self.0.clone().$method(request).await
            })*
        }
    };
}

forward! { HistoryReader for RemoteHistory {
    orders(OrdersRequest) -> OrdersReply;
    order(OrderRequest) -> OrderReply;
    order_deals(OrderDealsRequest) -> UserDealsReply;
    user_deals(UserDealsRequest) -> UserDealsReply;
    market_deals(MarketDealsRequest) -> MarketDealsReply;
    ledger(LedgerRequest) -> LedgerReply;
    lists(ListsRequest) -> ListsReply;
    prevented_matches(PreventedMatchesRequest) -> PreventedMatchesReply;
    amendments(AmendmentsRequest) -> AmendmentsReply;
} }

forward! { MarketPrice for RemoteMarketPrice {
    last(LastRequest) -> LastReply;
    klines(KlinesRequest) -> KlinesReply;
    ticker(TickerRequest) -> TickerReply;
    deals(DealsRequest) -> DealsReply;
} }

forward! { CacheQuery for RemoteCacheQuery {
    depth(DepthRequest) -> DepthSnapshot;
    deals(CacheDealsRequest) -> CacheDealsReply;
    klines(PushKlines) -> PushKline;
    tickers(PushSubscribe) -> CacheTickersReply;
} }
