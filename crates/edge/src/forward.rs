//! The way to the services: pooled HTTP/1.1 connections. What may have been sent is never sent again, because a request may
//! be an order; only when there was no connection to a node does the next one get it.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use allin_exchange::inside::{self, Door};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::body::{Body, Fault, Lender, Lent, Watched};
use crate::config::GatewaySection;
use crate::headers::remove_hop_by_hop;
use crate::nodes::Nodes;
use crate::refusal::Refusal;

/// Idle connections that are kept to one service, and for how long.
const IDLE_MAX: usize = 1024;
const IDLE_TIME_MAX: Duration = Duration::from_secs(20);

/// Who hands a request over inside the process: a peer that services believe, as they believe the gateway's connections.
const OURSELVES: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Sends requests to services.
pub struct Forwarder {
    client: Client<HttpConnector, Lent>,
    /// Services of this process are asked without a connection.
    inside: bool,
    pub nodes: Nodes,
    body_bytes_max: u64,
    body_wait_max: Duration,
    answer_wait_max: Duration,
}

impl Forwarder {
    pub fn new(config: &GatewaySection) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_millis(config.connect_timeout_ms)));
        let client = Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .set_host(false)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Self {
            client,
            inside: config.inside,
            nodes: Nodes::default(),
            body_bytes_max: config.body_bytes_max,
            body_wait_max: Duration::from_millis(config.body_timeout_ms),
            answer_wait_max: Duration::from_millis(config.upstream_timeout_ms),
        }
    }

    /// Sends to the first node to which there is a connection.
    pub async fn send(
        &self,
        nodes: &[SocketAddr],
        method: Method,
        mut headers: HeaderMap,
        target: PathAndQuery,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        // A body that says that it is too long is refused before anything is sent.
        if hyper::body::Body::size_hint(&body).lower() > self.body_bytes_max {
            return Err(Refusal::TooLarge);
        }
        let (body, fault) = Watched::new(body, self.body_bytes_max, self.body_wait_max);
        let lender = Lender::new(body);
        for (at, address) in nodes.iter().enumerate() {
            let Some(body) = lender.lend() else { break };
            let mut request = Request::new(body);
            request.method_mut().clone_from(&method);
            *request.version_mut() = Version::HTTP_11;
            // Nobody comes after the last.
            let is_last = at + 1 == nodes.len();
            *request.headers_mut() = if is_last { std::mem::take(&mut headers) } else { headers.clone() };
            let door = if self.inside { inside::find(*address) } else { None };
            if let Some(door) = door {
                *request.uri_mut() = target.clone().into();
                match self.ask(&door, request, &fault).await {
                    Ok(Some(response)) => return Ok(response),
                    Ok(None) => continue,
                    Err(refusal) => return Err(refusal),
                }
            }
            *request.uri_mut() = uri(*address, target.clone());
            let answered = tokio::time::timeout(self.answer_wait_max, self.client.request(request)).await;
            let refusal = match answered {
                Ok(Ok(response)) => return answer(response, self.body_wait_max),
                Err(_) => Refusal::Timeout,
                Ok(Err(error)) if error.is_connect() => {
                    self.nodes.failed(*address, Instant::now());
                    continue;
                }
                Ok(Err(error)) if was_not_sent(&error) => Refusal::Down,
                Ok(Err(error)) => {
                    tracing::debug!(%address, %error, "the service broke off");
                    Refusal::Broken
                }
            };
            // What the client did comes before what the service made of it.
            return Err(fault.refusal().unwrap_or(refusal));
        }
        Err(Refusal::Down)
    }

    /// Hands a request to a service of this process; none when it has just stopped.
    async fn ask(&self, door: &Door, request: Request<Lent>, fault: &Fault) -> Result<Option<Response<Body>>, Refusal> {
        let request = request.map(|body| body.map_err(|error| inside::BodyError(error.to_string())).boxed_unsync());
        let answered = tokio::time::timeout(self.answer_wait_max, door.ask(request, OURSELVES)).await;
        match (fault.refusal(), answered) {
            (Some(refusal), _) => Err(refusal),
            (None, Err(_)) => Err(Refusal::Timeout),
            (None, Ok(answered)) => Ok(answered.map(|response| response.map(Body::text))),
        }
    }
}

/// A kept connection was closed before it took the request.
fn was_not_sent(error: &hyper_util::client::legacy::Error) -> bool {
    error.source().and_then(|source| source.downcast_ref::<hyper::Error>()).is_some_and(hyper::Error::is_canceled)
}

/// The service's address, with the target's bytes as they came.
pub fn uri(address: SocketAddr, target: PathAndQuery) -> Uri {
    let authority: Authority = address.to_string().parse().expect("an address is an authority");
    let mut parts = hyper::http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).expect("all parts are there")
}

/// A service's answer, as the client gets it.
pub fn answer(response: Response<Incoming>, body_wait_max: Duration) -> Result<Response<Body>, Refusal> {
    let (mut parts, body) = response.into_parts();
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refusal::Broken);
    }
    remove_hop_by_hop(&mut parts.headers);
    let mut response = Response::new(Body::upstream(body, body_wait_max));
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    Ok(response)
}
