//! Streams (7803, and 7810 to 7813 for their kind). Speaks `CachePush` like the server that the proto file would give,
//! but sends the bytes that were encoded once for all subscribers.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use allin_wire::exchange::v1::cache_push_server::SERVICE_NAME;
use allin_wire::exchange::v1::{
    DepthSubscribe, DepthUpdate, PushDeal, PushKline, PushKlines, PushSubscribe, PushTicker,
};
use bytes::BufMut;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};

use super::api::interval;
use super::center::Center;
use super::hub::{Frame, Subscription};
use super::kind::{Kind, Kinds};

#[derive(Clone)]
pub(super) struct PushService {
    pub center: Arc<Center>,
    pub kinds: Kinds,
}

impl NamedService for PushService {
    const NAME: &'static str = SERVICE_NAME;
}

impl<B> tower::Service<http::Request<B>> for PushService
where
    B: tonic::codegen::Body + Send + 'static,
    B::Error: Into<tonic::codegen::StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let PushService { center, kinds } = self.clone();
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        Box::pin(async move {
            let response = match method.as_str() {
                "Depth" => {
                    stream(request, move |asked: DepthSubscribe| -> Answer<DepthUpdate> {
                        kinds.check(Kind::Depth)?;
                        center.subscribe_depth(&asked.market)
                    })
                    .await
                }
                "Deals" => {
                    stream(request, move |asked: PushSubscribe| -> Answer<PushDeal> {
                        kinds.check(Kind::Deals)?;
                        center.subscribe_deals(&asked.market)
                    })
                    .await
                }
                "Klines" => {
                    stream(request, move |asked: PushKlines| -> Answer<PushKline> {
                        kinds.check(Kind::Klines)?;
                        center.subscribe_klines(&asked.market, interval(&asked.interval)?)
                    })
                    .await
                }
                "Tickers" => {
                    stream(request, move |asked: PushSubscribe| -> Answer<PushTicker> {
                        kinds.check(Kind::Tickers)?;
                        center.subscribe_tickers(&asked.market)
                    })
                    .await
                }
                _ => Status::unimplemented("no such method").into_http(),
            };
            Ok(response)
        })
    }
}

type Answer<M> = Result<Subscription<M>, Status>;

/// Answers one call with a stream of frames.
async fn stream<B, Asked, M, F>(request: http::Request<B>, subscribe: F) -> http::Response<Body>
where
    B: tonic::codegen::Body + Send + 'static,
    B::Error: Into<tonic::codegen::StdError> + Send + 'static,
    Asked: prost::Message + Default + 'static,
    M: prost::Message + 'static,
    F: Fn(Asked) -> Answer<M> + Send + 'static,
{
    let service = Subscriber { subscribe, types: PhantomData };
    Grpc::new(FrameCodec { types: PhantomData }).server_streaming(service, request).await
}

struct Subscriber<F, Asked, M> {
    subscribe: F,
    types: PhantomData<fn(Asked) -> M>,
}

impl<F, Asked, M> ServerStreamingService<Asked> for Subscriber<F, Asked, M>
where
    Asked: prost::Message + Default + 'static,
    M: prost::Message + 'static,
    F: Fn(Asked) -> Answer<M>,
{
    type Response = Arc<Frame<M>>;
    type ResponseStream = Subscription<M>;
    type Future = std::future::Ready<Result<Response<Subscription<M>>, Status>>;

    fn call(&mut self, request: Request<Asked>) -> Self::Future {
        std::future::ready((self.subscribe)(request.into_inner()).map(Response::new))
    }
}

/// Reads requests, writes frames.
struct FrameCodec<Asked, M> {
    types: PhantomData<fn(Asked) -> M>,
}

impl<Asked, M> Codec for FrameCodec<Asked, M>
where
    Asked: prost::Message + Default + 'static,
    M: prost::Message + 'static,
{
    type Encode = Arc<Frame<M>>;
    type Decode = Asked;
    type Encoder = FrameEncoder<M>;
    type Decoder = RequestDecoder<Asked>;

    fn encoder(&mut self) -> Self::Encoder {
        FrameEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestDecoder(PhantomData)
    }
}

struct FrameEncoder<M>(PhantomData<fn(M)>);

impl<M: prost::Message> Encoder for FrameEncoder<M> {
    type Item = Arc<Frame<M>>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let bytes = item.bytes();
        buffer.reserve(bytes.len());
        buffer.put_slice(bytes);
        Ok(())
    }
}

struct RequestDecoder<Asked>(PhantomData<fn() -> Asked>);

impl<Asked: prost::Message + Default> Decoder for RequestDecoder<Asked> {
    type Item = Asked;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Asked>, Status> {
        Asked::decode(buffer).map(Some).map_err(|error| Status::invalid_argument(error.to_string()))
    }
}
