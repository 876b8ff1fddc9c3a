//! HTTP/1.1: connections, authentication, bodies, the envelope. What is wrong here gets the protocol's error object too.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use allin_wire::viabtc::{Call, Code, Method, Request, error_body};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};

use super::error::Failure;
use super::run::Access;
use super::{asset, balance, market, order};
use crate::health;
use crate::service::{ServiceError, Stopping};
use crate::unread;

/// Most header lines of a request, and most bytes of its head.
const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Pause after a failed accept (out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Reply = Response<Full<Bytes>>;

/// Accepts until the service stops, then lets open requests end.
pub(super) async fn serve(
    access: Arc<Access>,
    listener: TcpListener,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    let connections = Arc::new(Semaphore::new(access.config.connections_max as usize));
    let requests = Arc::new(Semaphore::new(access.config.requests_max as usize));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.wait() => break,
            Some(_) = open.join_next() => continue,
            accepted = accept(&connections, &listener) => accepted,
        };
        let Ok((permit, stream)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (access, requests, stopping) = (access.clone(), requests.clone(), stopping.clone());
        open.spawn(async move {
            connection(access, requests, stream, stopping).await;
            drop(permit);
        });
    }
    while open.join_next().await.is_some() {}
    Ok(())
}

async fn accept(
    connections: &Arc<Semaphore>,
    listener: &TcpListener,
) -> std::io::Result<(tokio::sync::OwnedSemaphorePermit, TcpStream)> {
    let permit = connections.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((permit, stream))
}

async fn connection(access: Arc<Access>, requests: Arc<Semaphore>, stream: TcpStream, mut stopping: Stopping) {
    // Small answers must not wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let header_timeout = access.config.header_timeout();
    let service = service_fn(move |request| {
        let (access, requests) = (access.clone(), requests.clone());
        async move { Ok::<_, Infallible>(handle(&access, &requests, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // An answer is small: to copy it behind its head costs less than to send two pieces.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        // Errors here are the peer's: it went away, was too slow, or did not speak HTTP.
        _ = served.as_mut() => {}
        () = stopping.wait() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

async fn handle(access: &Access, requests: &Semaphore, request: hyper::Request<Incoming>) -> Reply {
    if request.method() == hyper::Method::GET {
        match request.uri().path() {
            // The port is internal: metrics are for everybody there.
            path @ ("/healthz" | "/readyz") if let Some(answer) = health::answer(path, None) => {
                return plain(answer.status, answer.body);
            }
            "/healthz" => return plain(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" if access.tables.is_loaded() => return plain(StatusCode::OK, "ready\n".to_owned()),
            "/readyz" => return plain(StatusCode::SERVICE_UNAVAILABLE, "the markets are not loaded yet\n".to_owned()),
            "/metrics" => return plain(StatusCode::OK, allin_runtime::telemetry::metrics().render()),
            _ => {}
        }
    }
    if let Err(status) = admit(access, &request) {
        let expects = request.headers().contains_key(EXPECT);
        if !expects {
            unread::drain(request.into_body(), access.config.body_timeout()).await;
        }
        return bad(status);
    }
    let Ok(_permit) = requests.try_acquire() else {
        return failed(None, Code::ServiceUnavailable.into());
    };
    // One timer for both waits: to move its end costs next to nothing, to arm another does not.
    let mut timer = pin!(sleep(access.config.body_timeout()));
    let body = match within(timer.as_mut(), read(access, request.into_body())).await {
        Some(Ok(body)) => body,
        Some(Err(status)) => return bad(status),
        None => return bad(StatusCode::REQUEST_TIMEOUT),
    };
    let Ok(request) = Request::parse(&body) else {
        return bad(StatusCode::BAD_REQUEST);
    };
    let Some(method) = Method::from_name(&request.method) else {
        return failed(Some(request.id), Code::MethodNotFound.into());
    };
    let begun = Instant::now();
    timer.as_mut().reset(begun + access.config.answer_timeout());
    let answer = within(timer, answer(access, method, &request)).await;
    let answer = answer.unwrap_or_else(|| Err(Code::ServiceTimeout.into()));
    let code = answer.as_ref().err().map_or(0, |failure| failure.0.code.number());
    access.took_us[method as usize].record(begun.elapsed().as_micros() as f64);
    if code != 0 {
        let code = code.to_string();
        metrics::counter!("accesshttp_failures_total", "method" => method.name(), "code" => code).increment(1);
    }
    match answer {
        Ok(body) => json(StatusCode::OK, body),
        Err(failure) => failed(Some(request.id), failure),
    }
}

/// Everything that can be refused before the body is read, with the status of the refusal.
fn admit(access: &Access, request: &hyper::Request<Incoming>) -> Result<(), StatusCode> {
    let authorization = single(request.headers(), AUTHORIZATION);
    if !authorization.is_ok_and(|value| access.handles.token.admits(value.map(HeaderValue::as_bytes))) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    if request.uri().path() != "/" {
        return Err(StatusCode::NOT_FOUND);
    }
    if request.method() != hyper::Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !single(request.headers(), CONTENT_TYPE).is_ok_and(is_json) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let too_large = |length: u64| length > u64::from(access.config.body_bytes_max);
    if hyper::body::Body::size_hint(request.body()).exact().is_some_and(too_large) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(())
}

/// The value of a header that may be given once at most.
fn single(headers: &HeaderMap, name: hyper::header::HeaderName) -> Result<Option<&HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(()),
    }
}

/// `application/json`, with no other charset than UTF-8; or nothing, as the reference server does not ask for it.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(value) = content_type else {
        return true;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let charset = |part: &str| match part.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) && parts.all(charset)
}

async fn read(access: &Access, body: Incoming) -> Result<Bytes, StatusCode> {
    let limited = Limited::new(body, access.config.body_bytes_max as usize);
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// None when the timer ends first.
async fn within<T>(timer: Pin<&mut Sleep>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = timer => None,
    }
}

async fn answer(access: &Access, method: Method, request: &Request<'_>) -> Result<Vec<u8>, Failure> {
    let id = request.id;
    match Call::parse(method, &request.params)? {
        Call::BalanceQuery { user, assets } => balance::query(access, id, user, &assets).await,
        Call::BalanceUpdate(update) => balance::update(access, id, update).await,
        Call::BalanceHistory(query) => balance::history(access, id, query).await,
        Call::AssetList => asset::list(access, id).await,
        Call::AssetSummary { assets } => asset::summary(access, id, &assets).await,
        Call::OrderPutLimit(put) => order::put_limit(access, id, put).await,
        Call::OrderPutMarket(put) => order::put_market(access, id, put).await,
        Call::OrderCancel { user, market, order } => order::cancel(access, id, user, market, order).await,
        Call::OrderBook { market, side, page } => order::book(access, id, market, side, page).await,
        Call::OrderDepth(query) => order::depth(access, id, query).await,
        Call::OrderPending { user, market, page } => order::pending(access, id, user, market, page).await,
        Call::OrderPendingDetail { market, order } => order::pending_detail(access, id, market, order).await,
        Call::OrderFinished(query) => order::finished(access, id, query).await,
        Call::OrderFinishedDetail { order } => order::finished_detail(access, id, order).await,
        Call::OrderDeals { order, page } => order::deals(access, id, order, page).await,
        Call::MarketList => market::list(access, id).await,
        Call::MarketSummary { markets } => market::summary(access, id, &markets).await,
        Call::MarketLast { market } => market::last(access, id, market).await,
        Call::MarketDeals { market, limit, after } => market::deals(access, id, market, limit, after).await,
        Call::MarketUserDeals { user, market, page } => market::user_deals(access, id, user, market, page).await,
        Call::MarketKline(query) => market::kline(access, id, query).await,
        Call::MarketStatus { market, period } => market::status(access, id, market, period).await,
        Call::MarketStatusToday { market } => market::status_today(access, id, market).await,
    }
}

/// A request that never reached a method.
fn bad(status: StatusCode) -> Reply {
    let code = match status {
        StatusCode::UNAUTHORIZED => Code::RequireAuthentication,
        StatusCode::NOT_FOUND => Code::MethodNotFound,
        _ => Code::InvalidArgument,
    };
    let mut reply = json(status, error_body(None, code.into()));
    match status {
        StatusCode::UNAUTHORIZED => {
            reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    reply
}

fn failed(id: Option<i64>, failure: Failure) -> Reply {
    let mut reply = json(failure.status(), error_body(id, failure.0));
    if failure.status() == StatusCode::SERVICE_UNAVAILABLE {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    reply
}

fn json(status: StatusCode, body: Vec<u8>) -> Reply {
    respond(status, "application/json", body)
}

fn plain(status: StatusCode, text: String) -> Reply {
    respond(status, "text/plain; charset=utf-8", text.into_bytes())
}

fn respond(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
