//! REST: from an HTTP request to a call of the endpoint table, and back.

use std::borrow::Cow;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use allin_exchange::health;
use allin_exchange::inside::{self, Inside};
use allin_exchange::unread;
use allin_wire::binance::{ApiError, Code};
use axum::Router;
use axum::body::Body;
use axum::http::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use serde::Serialize;
use tower::ServiceExt;

use super::app::App;
use super::call::{Failure, Outcome, TimeUnit};
use super::dispatch::{Answered, Arrival, dispatch};
use super::endpoint::{self, Endpoint, Route};
use super::form::Form;
use super::limits::Usage;
use super::security::Credentials;
use super::wsapi;
use crate::directory::IpRange;

/// The address at the other end of the connection, among a request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// An answer whose body is there.
type Whole = hyper::Response<Bytes>;

const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const API_KEY: HeaderName = HeaderName::from_static("x-mbx-apikey");
const TIME_UNIT: HeaderName = HeaderName::from_static("x-mbx-time-unit");
const USED_WEIGHT: HeaderName = HeaderName::from_static("x-mbx-used-weight");
const USED_WEIGHT_1M: HeaderName = HeaderName::from_static("x-mbx-used-weight-1m");
const ORDER_COUNT_10S: HeaderName = HeaderName::from_static("x-mbx-order-count-10s");
const ORDER_COUNT_1D: HeaderName = HeaderName::from_static("x-mbx-order-count-1d");

/// Whoever comes in: REST, or a WebSocket of the API.
#[derive(Clone)]
pub(super) struct Doors {
    app: Arc<App>,
    sockets: Router,
}

/// REST answers are whole; the router of the sockets makes bodies of its own.
type Answer = hyper::Response<Either<Full<Bytes>, Body>>;

impl Doors {
    pub fn new(app: Arc<App>, door: wsapi::Door) -> Doors {
        Doors { app, sockets: Router::new().route(wsapi::PATH, get(wsapi::upgrade)).with_state(door) }
    }

    pub async fn answer<B: Sent>(&self, request: hyper::Request<B>, peer: SocketAddr) -> Answer {
        match request.uri().path() == wsapi::PATH {
            true => self.socket(request, peer).await.map(Either::Right),
            false => rest(&self.app, request, peer).await.map(|body| Either::Left(Full::new(body))),
        }
    }

    async fn socket<B: Sent>(&self, mut request: hyper::Request<B>, peer: SocketAddr) -> Response {
        request.extensions_mut().insert(Peer(peer));
        let answer = self.sockets.clone().oneshot(request.map(Body::new)).await;
        answer.unwrap_or_else(|never| match never {})
    }
}

impl Inside for Doors {
    fn answer(&self, request: hyper::Request<inside::Body>, peer: SocketAddr) -> inside::Answer<'_> {
        Box::pin(async move {
            if request.uri().path() != wsapi::PATH {
                return rest(&self.app, request, peer).await;
            }
            // Sockets come over a connection; here is told what is wrong with this.
            let (head, body) = self.socket(request, peer).await.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            hyper::Response::from_parts(head, body)
        })
    }
}

/// A body as a door takes it in.
pub(super) trait Sent:
    hyper::body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static
{
}

impl<B> Sent for B where
    B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static
{
}

async fn rest<B: Sent>(app: &App, request: hyper::Request<B>, peer: SocketAddr) -> Whole {
    let endpoint = match endpoint::route(request.method().as_str(), request.uri().path()) {
        Route::Endpoint(endpoint) => endpoint,
        Route::OtherMethods(methods) => return not_allowed(&methods),
        Route::Unknown if let Some(answer) = health_of(&request) => return told(answer),
        Route::Unknown if request.uri().path() == "/healthz" => return respond(200, Bytes::from_static(b"{}")),
        Route::Unknown if request.uri().path() == "/readyz" => return ready(app),
        Route::Unknown => return failed(&unsupported(404, "Path not found.")),
    };
    if !takes_json(request.headers()) {
        return failed(&unsupported(406, "SBE is not enabled; only JSON is spoken here."));
    }
    let arrival = match read(app, request, peer).await {
        Ok(arrival) => arrival,
        Err(failure) => return failed(&failure),
    };
    render(dispatch(app, endpoint, arrival).await, endpoint)
}

/// Whether whoever asks understands the answer: those that want SBE alone do not.
fn takes_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kinds = values.flat_map(|value| value.split(',')).filter_map(|kind| kind.split(';').next()).map(str::trim);
    let is = |kind: &str, names: &[&str]| names.iter().any(|name| kind.eq_ignore_ascii_case(name));
    let mut sbe_alone = false;
    for kind in kinds {
        if is(kind, &["application/json", "application/*", "*/*"]) {
            return true;
        }
        sbe_alone |= is(kind, &["application/sbe"]);
    }
    !sbe_alone
}

/// What the process says of its health, where it has one of its own.
fn health_of<B>(request: &hyper::Request<B>) -> Option<health::Answer> {
    health::answer(request.uri().path(), request.headers().get(AUTHORIZATION).map(|value| value.as_bytes()))
}

/// Where a request comes from: what the gateway says in `X-Real-IP`, when the peer is one of ours; else the peer.
pub(crate) fn client_address(trusted: &[IpRange], peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.ip().to_canonical();
    if !trusted.iter().any(|range| range.contains(peer)) {
        return peer;
    }
    let mut told = headers.get_all(&REAL_IP).iter();
    match (told.next(), told.next()) {
        (Some(told), None) => told.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(peer),
        _ => peer,
    }
}

async fn read<B: Sent>(app: &App, request: hyper::Request<B>, peer: SocketAddr) -> Result<Arrival, Failure> {
    let (head, body) = request.into_parts();
    let address = client_address(&app.trusted, peer, &head.headers);
    let time_unit = time_unit(&head.headers)?;
    let key = match header(&head.headers, &API_KEY) {
        Ok(key) => key.map(str::to_owned),
        // No key of ours has such a name.
        Err(()) => Some("?".to_owned()),
    };
    let body = read_body(app, body).await?;
    let Form { params, payloads } = Form::parse(head.uri.query().unwrap_or_default(), &body)?;
    Ok(Arrival { params, credentials: Credentials::Signed { key, payloads }, address, time_unit })
}

/// The value of a header that may be sent once.
fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

fn time_unit(headers: &HeaderMap) -> Result<TimeUnit, ApiError> {
    match header(headers, &TIME_UNIT) {
        Ok(text) => TimeUnit::parse(text.unwrap_or("MILLISECOND")),
        Err(()) => TimeUnit::parse(""),
    }
}

async fn read_body<B: Sent>(app: &App, mut body: B) -> Result<Bytes, Failure> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limited = Limited::new(&mut body, app.config.body_bytes_max as usize);
    let malformed = |status, msg: &'static str| Failure { status, ..Failure::new(Code::InvalidMessage, msg) };
    match tokio::time::timeout(app.config.body_timeout(), limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            unread::drain(body, app.config.body_timeout()).await;
            Err(malformed(413, "The body is too large."))
        }
        Ok(Err(_)) => Err(malformed(400, "The body is malformed.")),
        Err(_) => Err(malformed(408, "The body did not come in time.")),
    }
}

fn render(answered: Answered, endpoint: &Endpoint) -> Whole {
    let Answered { outcome, usage } = answered;
    let ok = outcome.is_ok();
    let mut response = outcome_response(outcome);
    let Usage { weight_1m, orders } = usage;
    let headers = response.headers_mut();
    headers.insert(USED_WEIGHT, weight_1m.into());
    headers.insert(USED_WEIGHT_1M, weight_1m.into());
    if let Some((short, day)) = orders.filter(|_| ok && endpoint.orders > 0) {
        headers.insert(ORDER_COUNT_10S, short.into());
        headers.insert(ORDER_COUNT_1D, day.into());
    }
    response
}

fn outcome_response(outcome: Outcome) -> Whole {
    match outcome {
        Ok(body) => respond(200, body),
        Err(failure) => failed(&failure),
    }
}

/// `{"code", "msg"}`, and `data` where there is some.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: i32,
    msg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a serde_json::value::RawValue>,
}

pub(super) fn failed(failure: &Failure) -> Whole {
    let data = failure.data.as_ref().and_then(|data| serde_json::from_slice(data).ok());
    let body = ErrorBody { code: failure.error.code as i32, msg: &failure.error.msg, data };
    let text = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = respond(failure.status, text.into());
    if let Some(seconds) = failure.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn unsupported(status: u16, msg: impl Into<Cow<'static, str>>) -> Failure {
    Failure { status, ..Failure::new(Code::UnsupportedOperation, msg) }
}

fn not_allowed(methods: &str) -> Whole {
    let mut response = failed(&unsupported(405, "This operation is not supported."));
    if let Ok(methods) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

fn ready(app: &App) -> Whole {
    match app.markets().assets().is_empty() {
        false => respond(200, Bytes::from_static(b"{}")),
        true => failed(&Failure::away("The markets are not loaded yet.")),
    }
}

fn told(answer: health::Answer) -> Whole {
    let mut response = respond(answer.status.as_u16(), answer.body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}

fn respond(status: u16, body: Bytes) -> Whole {
    let mut response = Whole::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}
