//! Accepts connections, and turns those that ask for it into WebSockets (RFC 6455, "Opening Handshake").

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allin_exchange::health;
use allin_exchange::service::{ServiceError, Stopping};
use allin_exchange::worded::{Worded, api_error};
use allin_wire::binance::{ApiError, Code};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::app::App;
use super::connection;
use super::outbox::Client;
use super::session::{self, Session};
use super::target::{Asked, Target};
use crate::handshake;
use crate::spotapi::client_address;

/// Most bytes of a request's head: it may name a thousand streams.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 100;
/// Pause after a failed accept (out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What the key of a handshake is hashed with (RFC 6455, 1.3).
const HANDSHAKE_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A connection that was upgraded.
struct Upgraded {
    stream: TcpStream,
    early: Bytes,
    asked: Asked,
    permit: OwnedSemaphorePermit,
}

/// Accepts until the service stops, then lets the connections say good-bye.
pub(super) async fn serve(app: Arc<App>, listener: TcpListener, mut stopping: Stopping) -> Result<(), ServiceError> {
    tokio::select! {
        () = stopping.wait() => return Ok(()),
        () = app.hub.tables_known() => {}
    }
    let room = Arc::new(Semaphore::new(app.config.connections_max as usize));
    let mut arriving: JoinSet<Option<Upgraded>> = JoinSet::new();
    let mut open: JoinSet<()> = JoinSet::new();
    loop {
        tokio::select! {
            () = stopping.wait() => break,
            Some(_) = open.join_next() => {}
            Some(arrived) = arriving.join_next() => {
                if let Ok(Some(upgraded)) = arrived {
                    open.spawn(run(app.clone(), upgraded, stopping.clone()));
                    metrics::gauge!("allin_spotws_connections").set(open.len() as f64);
                }
            }
            accepted = accept(&room, &listener) => match accepted {
                Ok((permit, stream, peer)) => {
                    arriving.spawn(handshake(app.clone(), stream, peer, permit));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    arriving.shutdown().await;
    while open.join_next().await.is_some() {}
    Ok(())
}

async fn accept(
    room: &Arc<Semaphore>,
    listener: &TcpListener,
) -> std::io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let permit = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((permit, stream, peer))
}

async fn run(app: Arc<App>, upgraded: Upgraded, stopping: Stopping) {
    let Upgraded { stream, early, asked, permit } = upgraded;
    let (messages_max, bytes_max) = (app.config.queue_messages_max, app.config.queue_bytes_max);
    let client = Client::new(app.hub.client_id(), asked.unit, asked.combined, messages_max, bytes_max);
    let mut session = Session::new(app.clone(), Arc::new(client));
    // The handshake is over, which refuses too many: what cannot be had is told by nothing coming, as for names of nothing.
    if session.subscribe(&asked.streams).await.is_err() {
        tracing::debug!("a connection's own streams could not be had");
    }
    connection::serve(app, session, stream, early, stopping).await;
    drop(permit);
}

/// Speaks HTTP until a request is upgraded; none when the connection ends before.
async fn handshake(
    app: Arc<App>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
) -> Option<Upgraded> {
    // Small messages must not wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let wait = Duration::from_millis(app.config.handshake_timeout_ms);
    let upgrade: Mutex<Option<(OnUpgrade, Asked)>> = Mutex::new(None);
    let service = service_fn(|mut request: Request<Incoming>| {
        let answer = match check(&app, &request, peer) {
            Ok((asked, accept)) => {
                let on = hyper::upgrade::on(&mut request);
                *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some((on, asked));
                switching(&accept)
            }
            Err(refused) => *refused,
        };
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(wait)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Worded::new(stream, api_error)), service)
        .with_upgrades();
    // Errors here are the peer's: it went away, was too slow, or did not speak HTTP.
    served.await.ok()?;
    let (on, asked) = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let upgraded = timeout(wait, on).await.ok()?.ok()?;
    let Parts { io, read_buf, .. } = upgraded.downcast::<TokioIo<Worded<TcpStream>>>().ok()?;
    Some(Upgraded { stream: io.into_inner().into_inner(), early: read_buf, asked, permit })
}

type Refused = Box<Response<Full<Bytes>>>;

/// What a request asks for, and the answer to its key.
fn check(app: &App, request: &Request<Incoming>, peer: SocketAddr) -> Result<(Asked, String), Refused> {
    let presented = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if let Some(health::Answer { status, content_type, body }) = health::answer(request.uri().path(), presented) {
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        return Err(Box::new(response));
    }
    let target = Target::parse(request.uri().path(), request.uri().query().unwrap_or_default());
    let asked = match target {
        Target::Streams(asked) => asked,
        Target::Unknown => return Err(refuse(StatusCode::NOT_FOUND, None)),
        Target::BadUnit => {
            let msg = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.";
            return Err(refuse(StatusCode::BAD_REQUEST, Some(ApiError::new(Code::InvalidTimeUnit, msg))));
        }
    };
    if request.method() != Method::GET {
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, None));
    }
    let headers = request.headers();
    if !has_token(headers, header::CONNECTION, "upgrade") || !has_token(headers, header::UPGRADE, "websocket") {
        let mut refused = refuse(StatusCode::UPGRADE_REQUIRED, None);
        refused.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        return Err(refused);
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        let mut refused = refuse(StatusCode::BAD_REQUEST, None);
        refused.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(refused);
    }
    let Some(key) = handshake::key(headers) else { return Err(refuse(StatusCode::BAD_REQUEST, None)) };
    let address = client_address(&app.trusted, peer, headers);
    if let Err(seconds) = app.arrivals.count(address, (app.clock)()) {
        metrics::counter!("allin_spotws_refused_connections_total").increment(1);
        let msg = "Too many connections; current limit is 300 connections per 5 MINUTE.";
        let mut refused = refuse(StatusCode::TOO_MANY_REQUESTS, Some(ApiError::new(Code::TooManyRequests, msg)));
        refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Err(refused);
    }
    let max = app.config.streams_max;
    if asked.streams.len() > max as usize && session::distinct(app, &asked.streams).is_none() {
        let msg = format!("Too many streams; at most {max} of a connection.");
        return Err(refuse(StatusCode::BAD_REQUEST, Some(ApiError::with(Code::InvalidParameter, msg))));
    }
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(HANDSHAKE_GUID.as_bytes());
    Ok((asked, STANDARD.encode(hash.finish())))
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

fn switching(accept: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// An answer that is no upgrade, in the API's own form.
fn refuse(status: StatusCode, error: Option<ApiError>) -> Refused {
    let reason = status.canonical_reason().unwrap_or_default();
    let (code, msg) = match &error {
        Some(error) => (error.code as i32, error.msg.as_ref()),
        None => (Code::Unknown as i32, reason),
    };
    let mut body = crate::jsontext::Object::new();
    body.raw("code", code).text("msg", msg);
    let mut response = Response::new(Full::from(body.finish()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    Box::new(response)
}
