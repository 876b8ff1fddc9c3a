//! Services that answer questions.

use allin_wire::exchange::v1::cache_query_client::CacheQueryClient;
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::history_reader_client::HistoryReaderClient;
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::market_price_client::MarketPriceClient;
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use allin_wire::exchange::v1::*;
use tonic::{Request, Response, Status, async_trait};

use super::Peer;

/// Largest answer: all levels of a full book.
const ANSWER_BYTES_MAX: usize = 64 << 20;

pub struct RemoteHistory(pub Peer);

pub struct RemoteMarketPrice(pub Peer);

pub struct RemoteCacheQuery(pub Peer);

macro_rules! forward {
    ($service:ident for $remote:ident over $client:ident { $($method:ident($request:ty) -> $reply:ty;)* }) => {
        #[async_trait]
        impl $service for $remote {
            $(async fn $method(&self, request: Request<$request>) -> Result<Response<$reply>, Status> {
                self.0
                    .ask(request.into_inner(), |channel, request| async move {
                        $client::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX).$method(request).await
                    })
                    .await
            })*
        }
    };
}

forward! { HistoryReader for RemoteHistory over HistoryReaderClient {
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

forward! { MarketPrice for RemoteMarketPrice over MarketPriceClient {
    last(LastRequest) -> LastReply;
    klines(KlinesRequest) -> KlinesReply;
    ticker(TickerRequest) -> TickerReply;
    deals(DealsRequest) -> DealsReply;
    standing(StandingRequest) -> StandingReply;
    aggregates(AggregatesRequest) -> AggregatesReply;
} }

forward! { CacheQuery for RemoteCacheQuery over CacheQueryClient {
    depth(DepthRequest) -> DepthSnapshot;
    deals(CacheDealsRequest) -> CacheDealsReply;
    klines(PushKlines) -> PushKline;
    tickers(PushSubscribe) -> CacheTickersReply;
} }
