//! A port of another process.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use allin_runtime::auth::InternalToken;
use tokio::time::{Instant, MissedTickBehavior, sleep};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Channel;
use super::breaker::Breaker;
use crate::health::Need;
use crate::service::{ServiceError, Stopping};

/// Longest wait for a connection, and for an answer of all attempts together.
const CONNECT_MAX: Duration = Duration::from_secs(1);
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A question is asked again for so long; between two attempts this, doubled each time.
const AGAIN_MAX: Duration = Duration::from_secs(2);
const AGAIN_WAIT: Duration = Duration::from_millis(20);
/// A connection on which nothing was heard for so long is asked for a sign of life, and given up without one.
const SILENCE_MAX: Duration = Duration::from_secs(2);
const SIGN_MAX: Duration = Duration::from_secs(3);
/// Streams send much: without a large window they would wait for the peer's acknowledgement.
const WINDOW_BYTES: u32 = 4 << 20;
/// Between two looks whether a peer serves, and the longest wait for its word.
const LOOK: Duration = Duration::from_millis(250);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// The address cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cannot reach {name}: {reason}")]
pub struct PeerError {
    pub name: String,
    pub reason: String,
}

/// A way to a port of another process: one connection, made when first used, and again when it broke.
#[derive(Clone)]
pub struct Peer {
    name: Arc<str>,
    channel: Channel,
    breaker: Arc<Breaker>,
}

impl Peer {
    /// `name` is the service's, and may be followed by a point and the port; `address` is `host:port`. Must be called in a runtime.
    pub fn new(name: &str, address: &str, token: &InternalToken) -> Result<Peer, PeerError> {
        let refuse = |reason: String| PeerError { name: name.to_owned(), reason };
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| refuse(error.to_string()))?
            .connect_timeout(CONNECT_MAX)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(SILENCE_MAX)
            .keep_alive_timeout(SIGN_MAX)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(4 * WINDOW_BYTES);
        let audience = name.split_once('.').map_or(name, |(service, _)| service);
        let channel = Channel { inner: endpoint.connect_lazy(), signer: Arc::new(token.signer(audience)) };
        Ok(Peer { name: name.into(), channel, breaker: Arc::default() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// For streams and for what must not be sent twice.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Asks a question: with a deadline, and again when the connection failed. `call` makes each attempt.
    pub async fn ask<M, T, F>(&self, message: M, call: impl Fn(Channel, Request<M>) -> F) -> Result<Response<T>, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        if !self.breaker.admits(Instant::now()) {
            return Err(Status::unavailable(format!("{} is away", self.name)));
        }
        let begun = Instant::now();
        let mut wait = AGAIN_WAIT;
        loop {
            let mut request = Request::new(message.clone());
            // The other side stops working on it then, too.
            request.set_timeout(ANSWER_MAX.saturating_sub(begun.elapsed()));
            let status = match call(self.channel(), request).await {
                Ok(answer) => {
                    self.breaker.succeeded();
                    return Ok(answer);
                }
                Err(status) => status,
            };
            let timed_out = matches!(status.code(), Code::DeadlineExceeded);
            if !timed_out && !is_transport(&status) {
                self.breaker.succeeded();
                return Err(status);
            }
            if timed_out || begun.elapsed() + wait > AGAIN_MAX {
                self.breaker.failed(Instant::now());
                metrics::counter!("allin_remote_failures_total", "peer" => self.name.to_string()).increment(1);
                return Err(Status::unavailable(format!("{} did not answer: {}", self.name, status.message())));
            }
            metrics::counter!("allin_remote_retries_total", "peer" => self.name.to_string()).increment(1);
            sleep(wait).await;
            wait *= 2;
        }
    }

    /// Whether the port's health service says that it serves.
    pub async fn serves(&self) -> bool {
        let mut request = Request::new(HealthCheckRequest::default());
        request.set_timeout(LOOK_MAX);
        match HealthClient::new(self.channel()).check(request).await {
            Ok(answer) => {
                self.breaker.succeeded();
                answer.into_inner().status() == ServingStatus::Serving
            }
            Err(_) => false,
        }
    }

    /// Looks time and again whether the need for this peer is met, until the process stops.
    pub async fn watch(self, need: Arc<Need>, mut stopping: Stopping) -> Result<(), ServiceError> {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                _ = looks.tick() => {}
            }
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                serves = self.serves() => if serves { need.met() },
            }
        }
    }
}

/// Whether it was the connection that failed, and not the service that answered so.
pub fn is_transport(status: &Status) -> bool {
    status.source().is_some()
}
