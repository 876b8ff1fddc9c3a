//! Whether this process lives, and whether it can do its work: `/healthz`, `/readyz` and `/metrics`.
//!
//! Ready means that every service of the process serves, and that what they need of other processes was there a moment ago:
//! a need that is lost for longer than the grace makes the process unready, a need that blinks does not.
//! Never tells anything but that on a port that users reach: names and metrics are for those who present the token.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use allin_runtime::auth::InternalToken;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::time::Instant;

use crate::service::{Running, RunningWatch};

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

static PROCESS: OnceLock<Arc<Health>> = OnceLock::new();

/// Something of another process that this one cannot do its work without.
#[derive(Debug)]
pub struct Need {
    name: String,
    last: Mutex<Option<Instant>>,
}

impl Need {
    /// It was there at this moment.
    pub fn met(&self) {
        self.met_at(Instant::now());
    }

    fn met_at(&self, now: Instant) {
        *lock(&self.last) = Some(now);
    }

    /// Since when it was not there; none when it never was.
    fn lost_for(&self, now: Instant) -> Option<Duration> {
        lock(&self.last).map(|last| now.saturating_duration_since(last))
    }
}

/// What is known of the process's own health.
#[derive(Debug)]
pub struct Health {
    /// How long a need may be away.
    grace: Duration,
    token: InternalToken,
    metrics: fn() -> String,
    inner: Mutex<Inner>,
}

#[derive(Default, Debug)]
struct Inner {
    started: bool,
    stopping: bool,
    services: Vec<(&'static str, RunningWatch)>,
    needs: Vec<Arc<Need>>,
}

/// What a path of this page answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: String,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let content_type = HeaderValue::from_static(self.content_type);
        (self.status, [(CONTENT_TYPE, content_type)], self.body).into_response()
    }
}

impl Health {
    pub fn new(grace: Duration, token: InternalToken, metrics: fn() -> String) -> Arc<Health> {
        Arc::new(Health { grace, token, metrics, inner: Mutex::default() })
    }

    /// Another need, not met yet.
    pub fn need(&self, name: String) -> Arc<Need> {
        let need = Arc::new(Need { name, last: Mutex::default() });
        lock(&self.inner).needs.push(need.clone());
        need
    }

    /// Takes a service in.
    pub fn watch(&self, running: &Running) {
        lock(&self.inner).services.push((running.name(), running.watch()));
    }

    /// All services were taken in.
    pub fn started(&self) {
        lock(&self.inner).started = true;
    }

    /// No further work, please.
    pub fn stopping(&self) {
        lock(&self.inner).stopping = true;
    }

    pub fn is_ready(&self) -> bool {
        self.is_ready_at(Instant::now())
    }

    fn is_ready_at(&self, now: Instant) -> bool {
        let inner = lock(&self.inner);
        let met = |need: &Arc<Need>| need.lost_for(now).is_some_and(|lost| lost <= self.grace);
        inner.started
            && !inner.stopping
            && inner.services.iter().all(|(_, service)| service.is_ready())
            && inner.needs.iter().all(met)
    }

    /// What the answer to `/readyz` is made of, as JSON.
    fn report(&self, now: Instant) -> String {
        let ready = self.is_ready_at(now);
        let inner = lock(&self.inner);
        let phase = match (inner.started, inner.stopping) {
            (_, true) => "stopping",
            (false, _) => "starting",
            _ => "started",
        };
        // Names of services and ports need no escaping.
        let mut text = format!("{{\"ready\":{ready},\"phase\":\"{phase}\",\"services\":{{");
        for (at, (name, service)) in inner.services.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let state = match (service.has_ended(), service.is_ready()) {
                (true, _) => "failed",
                (false, true) => "ready",
                (false, false) => "starting",
            };
            let _ = write!(text, "{comma}\"{name}\":\"{state}\"");
        }
        text.push_str("},\"needs\":{");
        for (at, need) in inner.needs.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = match need.lost_for(now) {
                None => write!(text, "{comma}\"{}\":\"not there yet\"", need.name),
                Some(lost) if lost > self.grace => {
                    write!(text, "{comma}\"{}\":\"lost for {} ms\"", need.name, lost.as_millis())
                }
                Some(_) => write!(text, "{comma}\"{}\":\"met\"", need.name),
            };
        }
        text.push_str("}}\n");
        text
    }

    /// The answer on a port that users may reach; none for other paths.
    fn outside(&self, path: &str, authorization: Option<&[u8]>) -> Option<Answer> {
        let plain = |status, body: &str| Some(Answer { status, content_type: PLAIN, body: body.to_owned() });
        match path {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" if self.is_ready() => plain(StatusCode::OK, "ready\n"),
            "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            // To others it is a path like any that there is not, and answered as the port answers those.
            "/metrics" if self.token.admits(authorization) => Some(self.metrics()),
            _ => None,
        }
    }

    fn metrics(&self) -> Answer {
        Answer { status: StatusCode::OK, content_type: PROMETHEUS, body: (self.metrics)() }
    }

    /// The paths for a port of their own, which only operators reach.
    pub fn router(self: &Arc<Self>) -> Router {
        let (ready, metrics) = (self.clone(), self.clone());
        let readyz = move || async move {
            let status = if ready.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Answer { status, content_type: JSON, body: ready.report(Instant::now()) }
        };
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(async move || metrics.metrics()))
    }

    /// Makes this the health of the whole process; the first one stays.
    pub fn install(self: &Arc<Self>) {
        let _ = PROCESS.set(self.clone());
    }
}

/// The process's answer on an HTTP port of one of its services; none for other paths, and none where the process has no
/// health of its own.
pub fn answer(path: &str, authorization: Option<&[u8]>) -> Option<Answer> {
    PROCESS.get()?.outside(path, authorization)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever holds one only copies.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Starting;

    const GRACE: Duration = Duration::from_secs(5);

    fn health() -> (tempfile::TempDir, InternalToken, Arc<Health>) {
        let folder = tempfile::tempdir().expect("a folder");
        let token = InternalToken::open(folder.path()).expect("a token");
        (folder, token.clone(), Health::new(GRACE, token, || "a_series 1\n".to_owned()))
    }

    #[tokio::test]
    async fn ready_is_who_serves_and_has_what_it_needs() {
        let (_folder, _, health) = health();
        let need = health.need("engine.7316".to_owned());
        let mut starting = Starting::new("service");
        let readiness = starting.readiness();
        let running = starting.running();
        health.watch(&running);
        let mut now = Instant::now();
        let mut seen = vec![];
        let mut look = |what: &'static str, now| seen.push((what, health.is_ready_at(now)));
        look("nothing yet", now);
        health.started();
        need.met_at(now);
        look("the service is not ready", now);
        readiness.set(true);
        look("all is there", now);
        now += GRACE;
        look("the need is away, but not for long", now);
        now += Duration::from_millis(1);
        look("away for long", now);
        let report = health.report(now);
        assert!(report.contains("\"engine.7316\":\"lost for 5001 ms\""), "{report}");
        need.met_at(now);
        look("back", now);
        readiness.set(false);
        look("the service begins again", now);
        readiness.set(true);
        health.stopping();
        look("stopping", now);
        let ready: Vec<_> = seen.iter().filter(|(_, ready)| *ready).map(|(what, _)| *what).collect();
        assert_eq!(ready, ["all is there", "the need is away, but not for long", "back"]);
        running.stop().await.expect("it ends");
    }

    #[tokio::test]
    async fn users_see_no_metrics_and_no_names() {
        let (_folder, token, health) = health();
        health.need("engine.7316".to_owned());
        health.started();
        let header = token.header();
        let rows = [
            ("/healthz", None, Some((200, "ok\n"))),
            ("/readyz", None, Some((503, "not ready\n"))),
            ("/metrics", None, None),
            ("/metrics", Some("Bearer no"), None),
            ("/metrics", Some(header.as_str()), Some((200, "a_series 1\n"))),
            ("/metrics/", Some(header.as_str()), None),
            ("/", None, None),
        ];
        for (path, authorization, want) in rows {
            let answer = health.outside(path, authorization.map(str::as_bytes));
            let got = answer.as_ref().map(|answer| (answer.status.as_u16(), answer.body.as_str()));
            assert_eq!(got, want, "{path} {authorization:?}");
        }
    }
}
