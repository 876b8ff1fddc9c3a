//! HTTP on 5555.

use std::time::SystemTime;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use allin_runtime::auth::{InternalToken, Verifier};

use super::Monitor;
use super::report::Report;
use super::state::SeriesFilter;

const REPORT: &str = "/v1/report";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Most series of one answer.
const SERIES_MAX: usize = 1000;

/// Who may come in: every service with its reports, those that have an arrow here with questions, and the operator's scripts with
/// the token.
#[derive(Clone)]
pub(super) struct Door {
    token: InternalToken,
    reports: Verifier,
    questions: Verifier,
}

impl Door {
    pub fn new(name: &str, token: InternalToken) -> Door {
        Door { reports: token.verifier_for_all(name), questions: token.verifier(name), token }
    }

    fn admits(&self, path: &str, authorization: Option<&[u8]>) -> bool {
        let verifier = if path == REPORT { &self.reports } else { &self.questions };
        self.token.admits(authorization) || verifier.check(authorization, SystemTime::now()).is_ok()
    }
}

pub(super) fn router(monitor: Monitor, door: Door, body_max: usize) -> Router {
    let internal = Router::new()
        .route(REPORT, post(report))
        .route("/v1/services", get(services))
        .route("/v1/series", get(series))
        .route("/v1/events", get(events))
        .layer(DefaultBodyLimit::max(body_max))
        .layer(middleware::from_fn_with_state(door, admit));
    let open = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async || "ready\n"));
    internal.merge(open).with_state(monitor)
}

async fn admit(State(door): State<Door>, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
    if door.admits(request.uri().path(), authorization) {
        return next.run(request).await;
    }
    let challenge = [(WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, error("the bearer token is missing or not this deployment's")).into_response()
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

fn error(message: &str) -> axum::Json<serde_json::Value> {
    let body = serde_json::to_value(ErrorBody { error: message });
    axum::Json(body.unwrap_or_default())
}

async fn report(State(monitor): State<Monitor>, body: Bytes) -> Response {
    let report: Report = match serde_json::from_slice(&body) {
        Ok(report) => report,
        Err(why) => return (StatusCode::BAD_REQUEST, error(&why.to_string())).into_response(),
    };
    match monitor.report(report) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => (StatusCode::BAD_REQUEST, error(&refusal.to_string())).into_response(),
    }
}

#[derive(Serialize)]
struct Rows<T> {
    rows: Vec<T>,
}

async fn services(State(monitor): State<Monitor>) -> Response {
    axum::Json(Rows { rows: monitor.services() }).into_response()
}

async fn events(State(monitor): State<Monitor>) -> Response {
    axum::Json(Rows { rows: monitor.events() }).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesQuery {
    service: Option<String>,
    instance: Option<String>,
    name: Option<String>,
    #[serde(default)]
    since_us: u64,
}

async fn series(State(monitor): State<Monitor>, Query(query): Query<SeriesQuery>) -> Response {
    let SeriesQuery { service, instance, name, since_us } = query;
    let filter = SeriesFilter { service, instance, name, since_us };
    let rows = monitor.with(|state| state.series(&filter, SERIES_MAX));
    axum::Json(Rows { rows }).into_response()
}

async fn metrics(State(monitor): State<Monitor>) -> Response {
    ([(CONTENT_TYPE, PROMETHEUS)], monitor.metrics()).into_response()
}
