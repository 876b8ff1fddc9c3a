//! An upgrade to WebSocket: the handshake is passed on over a connection of its own, which then becomes a tunnel.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::body::Body;
use crate::forward;
use crate::gateway::{Connection, Gateway};
use crate::headers::remove_hop_by_hop;
use crate::refusal::Refusal;
use crate::tunnel;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE_WORD: HeaderValue = HeaderValue::from_static("Upgrade");

/// The client's half of an upgrade that was asked for.
pub struct Handle(OnUpgrade);

/// Whether `Connection` and `Upgrade` ask for WebSocket.
pub fn is_asked(request: &Request<Incoming>) -> bool {
    let has = |name, word: &str| {
        let values = request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    request.version() == Version::HTTP_11 && has(UPGRADE, "websocket") && has(CONNECTION, "upgrade")
}

impl Handle {
    /// An upgrade has no body (RFC 6455, 4.1): bytes after the head are the next protocol's.
    pub fn take(request: &mut Request<Incoming>) -> Result<Self, Refusal> {
        if request.method() != Method::GET || !request.body().is_end_stream() {
            return Err(Refusal::Upgrade);
        }
        Ok(Self(hyper::upgrade::on(request)))
    }
}

/// A connection to the first node to which there is one.
async fn connect(gateway: &Gateway, nodes: &[SocketAddr]) -> Option<TcpStream> {
    let wait_max = Duration::from_millis(gateway.config.connect_timeout_ms);
    for node in nodes {
        match timeout(wait_max, TcpStream::connect(node)).await {
            Ok(Ok(stream)) => return Some(stream),
            _ => gateway.forwarder.nodes.failed(*node, Instant::now()),
        }
    }
    None
}

/// Asks the service, and ties both connections together if it agrees.
pub async fn run(
    gateway: &Gateway,
    connection: Arc<Connection>,
    handle: Handle,
    nodes: &[SocketAddr],
    mut headers: HeaderMap,
    target: PathAndQuery,
) -> Result<Response<Body>, Refusal> {
    let ms = Duration::from_millis;
    let config = &gateway.config;
    let stream = connect(gateway, nodes).await.ok_or(Refusal::Down)?;
    // Small messages must not wait for the peer's delayed acknowledgement.
    stream.set_nodelay(true).map_err(|_| Refusal::Down)?;
    let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Refusal::Down)?;
    tokio::spawn(driver.with_upgrades());
    headers.insert(CONNECTION, UPGRADE_WORD);
    headers.insert(UPGRADE, WEBSOCKET);
    let mut request = Request::new(Empty::<Bytes>::new());
    // In origin form, as a server is asked.
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers;
    let answered = timeout(ms(config.upstream_timeout_ms), sender.send_request(request)).await;
    let mut response = answered.map_err(|_| Refusal::Timeout)?.map_err(|_| Refusal::Broken)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return forward::answer(response, ms(config.body_timeout_ms));
    }
    let upstream = hyper::upgrade::on(&mut response);
    let (idle_max, stopping) = (Duration::from_secs(config.tunnel_idle_s), gateway.stopping.clone());
    let handshake_max = ms(config.header_timeout_ms);
    tokio::spawn(async move {
        // A client that went away before its answer left never upgrades.
        let both = timeout(handshake_max, async { tokio::try_join!(handle.0, upstream) }).await;
        if let Ok(Ok((client, upstream))) = both {
            tunnel::run(TokioIo::new(client), TokioIo::new(upstream), idle_max, stopping).await;
        }
        // It counts as open until here.
        drop(connection);
    });
    let (parts, _) = response.into_parts();
    let mut headers = parts.headers;
    remove_hop_by_hop(&mut headers);
    headers.insert(CONNECTION, UPGRADE_WORD);
    headers.insert(UPGRADE, WEBSOCKET);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    Ok(response)
}
