//! The shared cache of another process: both sides of it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use allin_runtime::cache::{Cache, CacheError, CacheSubscription};
use allin_wire::exchange::v1::shared_cache_client::SharedCacheClient;
use allin_wire::exchange::v1::shared_cache_server::SharedCache;
use allin_wire::exchange::v1::*;
use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use tonic::{Code, Request, Response, Status, Streaming, async_trait};

use super::Peer;
use crate::service::Stopping;

/// Gives a cache of this process to others.
pub struct CacheService {
    pub cache: Arc<dyn Cache>,
    pub stopping: Stopping,
}

fn status(error: CacheError) -> Status {
    match error {
        CacheError::Full(_) => Status::resource_exhausted(error.to_string()),
        CacheError::Behind(count) => Status::out_of_range(count.to_string()),
        CacheError::Unavailable(why) => Status::unavailable(why),
    }
}

fn error(status: &Status) -> CacheError {
    match status.code() {
        Code::ResourceExhausted => CacheError::Full(0),
        Code::OutOfRange => CacheError::Behind(status.message().parse().unwrap_or(1)),
        _ => CacheError::Unavailable(status.message().to_owned()),
    }
}

type Messages = Pin<Box<dyn Stream<Item = Result<CacheMessage, Status>> + Send>>;

/// A subscription that is being handed on.
struct Feed {
    subscription: Box<dyn CacheSubscription>,
    stopping: Stopping,
    stands: bool,
}

impl Feed {
    async fn next(mut self) -> Option<(Result<CacheMessage, Status>, Option<Feed>)> {
        if !std::mem::replace(&mut self.stands, true) {
            return Some((Ok(CacheMessage { message: None }), Some(self)));
        }
        let message = tokio::select! {
            message = self.subscription.next() => message,
            () = self.stopping.wait() => return None,
        };
        match message {
            Ok(message) => Some((Ok(CacheMessage { message: Some(message.into()) }), Some(self))),
            Err(error) => Some((Err(status(error)), None)),
        }
    }
}

#[async_trait]
impl SharedCache for CacheService {
    type SubscribeStream = Messages;

    async fn get(&self, request: Request<CacheGetRequest>) -> Result<Response<CacheGetReply>, Status> {
        let value = self.cache.get(&request.into_inner().key).await.map_err(status)?;
        Ok(Response::new(CacheGetReply { value: value.map(Into::into) }))
    }

    async fn set(&self, request: Request<CacheSetRequest>) -> Result<Response<CacheSetReply>, Status> {
        let CacheSetRequest { key, value, ttl_ms } = request.into_inner();
        self.cache.set(&key, value.into(), Duration::from_millis(ttl_ms)).await.map_err(status)?;
        Ok(Response::new(CacheSetReply {}))
    }

    async fn publish(&self, request: Request<CachePublishRequest>) -> Result<Response<CachePublishReply>, Status> {
        let CachePublishRequest { key, message } = request.into_inner();
        self.cache.publish(&key, message.into()).await.map_err(status)?;
        Ok(Response::new(CachePublishReply {}))
    }

    async fn subscribe(&self, request: Request<CacheSubscribeRequest>) -> Result<Response<Messages>, Status> {
        let subscription = self.cache.subscribe(&request.into_inner().key).await.map_err(status)?;
        let feed = Feed { subscription, stopping: self.stopping.clone(), stands: false };
        Ok(Response::new(Box::pin(unfold(Some(feed), |feed| async move { feed?.next().await }))))
    }
}

/// The cache of another process.
pub struct RemoteCache(pub Peer);

#[async_trait]
impl Cache for RemoteCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let asked = CacheGetRequest { key: key.to_owned() };
        let call = |channel, request| async move { SharedCacheClient::new(channel).get(request).await };
        let answer = self.0.ask(asked, call).await.map_err(|status| error(&status))?;
        Ok(answer.into_inner().value.map(Bytes::from))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let asked = CacheSetRequest { key: key.to_owned(), value: value.into(), ttl_ms };
        // The same value twice is the same value.
        let call = |channel, request| async move { SharedCacheClient::new(channel).set(request).await };
        self.0.ask(asked, call).await.map_err(|status| error(&status))?;
        Ok(())
    }

    async fn publish(&self, key: &str, message: Bytes) -> Result<(), CacheError> {
        let mut asked = Request::new(CachePublishRequest { key: key.to_owned(), message: message.into() });
        asked.set_timeout(Duration::from_secs(2));
        SharedCacheClient::new(self.0.channel()).publish(asked).await.map_err(|status| error(&status))?;
        Ok(())
    }

    async fn subscribe(&self, key: &str) -> Result<Box<dyn CacheSubscription>, CacheError> {
        let asked = CacheSubscribeRequest { key: key.to_owned() };
        let answer = SharedCacheClient::new(self.0.channel()).subscribe(asked).await;
        let mut messages = answer.map_err(|status| error(&status))?.into_inner();
        // The word that it stands: what is published after this returns is not missed.
        match messages.message().await {
            Ok(Some(_)) => Ok(Box::new(RemoteCacheSubscription(messages))),
            Ok(None) => Err(CacheError::Unavailable("closed".to_owned())),
            Err(status) => Err(error(&status)),
        }
    }
}

struct RemoteCacheSubscription(Streaming<CacheMessage>);

#[async_trait]
impl CacheSubscription for RemoteCacheSubscription {
    async fn next(&mut self) -> Result<Bytes, CacheError> {
        match self.0.message().await {
            Ok(Some(CacheMessage { message })) => Ok(message.unwrap_or_default().into()),
            Ok(None) => Err(CacheError::Unavailable("closed".to_owned())),
            Err(status) => Err(error(&status)),
        }
    }
}
