//! The calls, each with a bound on how long it may take.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status, Streaming};

use super::pb::compare::{CompareResult, CompareTarget, TargetUnion};
use super::pb::kv_client::KvClient;
use super::pb::lease_client::LeaseClient;
use super::pb::maintenance_client::MaintenanceClient;
use super::pb::request_op::Request;
use super::pb::watch_client::WatchClient;
use super::pb::watch_request::RequestUnion;
use super::pb::{
    Compare, KeyValue, LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest, PutRequest, RangeRequest,
    RequestOp, StatusRequest, TxnRequest, WatchCreateRequest, WatchRequest, WatchResponse,
};

/// Longest wait for any answer, and where there is another member to ask.
const ANSWER_MAX: Duration = Duration::from_secs(3);
const NEXT_AFTER: Duration = Duration::from_secs(1);
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// A quiet connection is asked so often whether its other end is there, which has so long to answer. etcd ends connections that ask
/// more often than every five seconds.
const PING_EVERY: Duration = Duration::from_secs(6);
const PONG_MAX: Duration = Duration::from_secs(2);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EtcdError {
    #[error("etcd does not answer: {0}")]
    Away(String),
    #[error("the lease is over")]
    LeaseOver,
}

/// Connections to the members of a cluster; made when first used, and again when they broke. One member is asked until it does
/// not answer, then the next: a member that hangs costs its clients one wait, not every second or third.
#[derive(Clone, Debug)]
pub struct Etcd {
    endpoints: Vec<Endpoint>,
    channels: Arc<[Channel]>,
    /// How often the member was changed.
    changes: Arc<AtomicUsize>,
}

/// A key with what it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    pub key: String,
    pub value: String,
}

impl Etcd {
    /// To be called inside a tokio runtime.
    pub fn new(endpoints: &[&str]) -> Result<Etcd, EtcdError> {
        let endpoint = |text: &&str| {
            let endpoint = Endpoint::from_shared((*text).to_owned()).map_err(away)?;
            let pings = endpoint.http2_keep_alive_interval(PING_EVERY).keep_alive_timeout(PONG_MAX);
            Ok(pings.keep_alive_while_idle(true).connect_timeout(CONNECT_MAX))
        };
        Ok(Etcd::connect(endpoints.iter().map(endpoint).collect::<Result<Vec<_>, EtcdError>>()?))
    }

    /// The same cluster over a connection of the calling runtime's own.
    pub fn again(&self) -> Etcd {
        Etcd::connect(self.endpoints.clone())
    }

    fn connect(endpoints: Vec<Endpoint>) -> Etcd {
        let channels = endpoints.iter().map(Endpoint::connect_lazy).collect();
        Etcd { endpoints, channels, changes: Arc::default() }
    }

    /// The next question goes to the next member.
    pub fn leave(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Asks the present member, and leaves it when it does not answer in time.
    async fn ask<T, F>(&self, call: impl FnOnce(Channel) -> F) -> Result<T, EtcdError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let changes = self.changes.load(Ordering::Acquire);
        let channel = self.channels.get(changes % self.channels.len().max(1));
        let channel = channel.ok_or_else(|| away("no endpoint is known"))?;
        let mut leaving = Leaving { changes: &self.changes, seen: changes, stays: false };
        let patience = if self.channels.len() > 1 { NEXT_AFTER } else { ANSWER_MAX };
        let told = match tokio::time::timeout(patience, call(channel.clone())).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) if status.code() == tonic::Code::NotFound => Err(EtcdError::LeaseOver),
            Ok(Err(status)) => return Err(away(status)),
            Err(_) => return Err(EtcdError::Away(format!("no answer within {patience:?}"))),
        };
        leaving.stays = true;
        told
    }

    /// The version of the member that answers, and whether its cluster has a leader.
    pub async fn status(&self) -> Result<(String, bool), EtcdError> {
        let call = |channel| async move { MaintenanceClient::new(channel).status(StatusRequest {}).await };
        let status = self.ask(call).await?;
        Ok((status.version, status.leader != 0 && status.errors.is_empty()))
    }

    /// All keys below a prefix, and the revision at which they are so.
    pub async fn range(&self, prefix: &str) -> Result<(Vec<Pair>, i64), EtcdError> {
        let request = RangeRequest { key: prefix.into(), range_end: end_of(prefix) };
        let found = self.ask(|channel| async move { KvClient::new(channel).range(request).await }).await?;
        Ok((found.kvs.into_iter().map(pair).collect(), found.header.unwrap_or_default().revision))
    }

    /// The value of a key.
    pub async fn get(&self, key: &str) -> Result<Option<String>, EtcdError> {
        let (pairs, _) = self.range(key).await?;
        Ok(pairs.into_iter().find(|pair| pair.key == key).map(|pair| pair.value))
    }

    /// Puts a key that is not there yet; false when it is.
    pub async fn create(&self, key: &str, value: &str, lease: i64) -> Result<bool, EtcdError> {
        let absent = Compare {
            result: CompareResult::Equal as i32,
            target: CompareTarget::Create as i32,
            key: key.into(),
            target_union: Some(TargetUnion::CreateRevision(0)),
        };
        self.put_if(vec![absent], key, value, lease).await
    }

    pub async fn put(&self, key: &str, value: &str, lease: i64) -> Result<(), EtcdError> {
        self.put_if(vec![], key, value, lease).await.map(drop)
    }

    async fn put_if(&self, compare: Vec<Compare>, key: &str, value: &str, lease: i64) -> Result<bool, EtcdError> {
        let put = PutRequest { key: key.into(), value: value.into(), lease };
        let success = vec![RequestOp { request: Some(Request::RequestPut(put)) }];
        let request = TxnRequest { compare, success, failure: vec![] };
        Ok(self.ask(|channel| async move { KvClient::new(channel).txn(request).await }).await?.succeeded)
    }

    /// Gives the lease's id; its keys go when it is not kept alive for so many seconds.
    pub async fn grant(&self, seconds: u32) -> Result<i64, EtcdError> {
        let request = LeaseGrantRequest { ttl: i64::from(seconds), id: 0 };
        let granted = self.ask(|channel| async move { LeaseClient::new(channel).lease_grant(request).await }).await?;
        if granted.error.is_empty() { Ok(granted.id) } else { Err(EtcdError::Away(granted.error)) }
    }

    pub async fn keep_alive(&self, lease: i64) -> Result<(), EtcdError> {
        let once = tokio_stream::once(LeaseKeepAliveRequest { id: lease });
        let call = |channel| async move {
            let mut answers = LeaseClient::new(channel).lease_keep_alive(once).await?.into_inner();
            answers.message().await.map(|kept| Response::new(kept.map_or(0, |kept| kept.ttl)))
        };
        if self.ask(call).await? > 0 { Ok(()) } else { Err(EtcdError::LeaseOver) }
    }

    pub async fn revoke(&self, lease: i64) -> Result<(), EtcdError> {
        let request = LeaseRevokeRequest { id: lease };
        self.ask(|channel| async move { LeaseClient::new(channel).lease_revoke(request).await }).await.map(drop)
    }

    /// Changes below a prefix after a revision.
    pub async fn watch(&self, prefix: &str, after: i64) -> Result<Streaming<WatchResponse>, EtcdError> {
        let create = WatchCreateRequest { key: prefix.into(), range_end: end_of(prefix), start_revision: after + 1 };
        let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        // Ending the requests would end the watch.
        let requests = futures::StreamExt::chain(tokio_stream::once(request), tokio_stream::pending());
        self.ask(|channel| async move { WatchClient::new(channel).watch(requests).await }).await
    }
}

/// The first key that does not begin with the prefix, as etcd bounds ranges.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // ASCII, so there is a byte above it.
        *last += 1;
    }
    end
}

fn pair(kv: KeyValue) -> Pair {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Pair { key: text(kv.key), value: text(kv.value) }
}

fn away(error: impl std::fmt::Display) -> EtcdError {
    EtcdError::Away(error.to_string())
}

/// Leaves the member that was asked, unless it answered: also when whoever asked did not wait for the end.
struct Leaving<'a> {
    changes: &'a AtomicUsize,
    seen: usize,
    stays: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if !self.stays {
            // Somebody else may have left it already.
            let next = self.seen.wrapping_add(1);
            let _ = self.changes.compare_exchange(self.seen, next, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}
