//! Bodies: read whole within a bound of bytes and time before anything is done, then JSON that is exactly what is described.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer, Serialize};

use crate::userserver::app::App;
use crate::userserver::error::Problem;

const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A JSON object: no field unknown, none twice, nothing after it.
pub struct Strict<T>(pub T);

/// An answer in JSON.
pub struct Json<T>(pub T);

/// Reads the body, so that what follows waits for nobody.
pub async fn collect(State((app, bytes_max)): State<(Arc<App>, usize)>, request: Request, next: Next) -> Response {
    let is_large = bytes_max > app.config.body_bytes_max;
    let room = is_large.then(|| app.uploads.try_acquire());
    if room.as_ref().is_some_and(Result::is_err) {
        return Problem::busy().into_response();
    }
    match read(request, bytes_max).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn read(request: Request, bytes_max: usize) -> Result<Request, Problem> {
    let too_large = || {
        let message = format!("the body has more than {bytes_max} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    };
    let (head, body) = request.into_parts();
    // Said beforehand, it need not come first.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect()).await;
    let body = match collected {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(Problem::malformed("the body was cut off")),
        Err(_) => return Err(Problem::malformed("the body did not arrive in time")),
    };
    Ok(Request::from_parts(head, Body::from(body)))
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let message = "the body must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| Problem::malformed("the body was cut off"))?;
        parse(&body).map(Strict)
    }
}

/// An object and nothing else: serde would take an array for a struct as well.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::malformed("the body must be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        // What was sent may be a password, and is not said again.
        let place = format!("at line {} column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => Problem::malformed(told(&error.to_string())),
            _ => Problem::malformed(format!("the body is not JSON {place}")),
        }
    })
}

/// A number without a fraction. JSON knows one kind of numbers only, so that `3.0` is the integer 3 (JSON Schema, "integer").
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let text = number.to_string();
    let whole = number.as_u64().or_else(|| text.strip_suffix(".0").and_then(|whole| whole.parse().ok()));
    whole.map(Some).ok_or_else(|| D::Error::custom("not a whole number from 0 on"))
}

/// serde's message without the values that it quotes.
fn told(message: &str) -> String {
    let shown = message.split(": string ").next().unwrap_or(message);
    if shown.len() == message.len() { shown.to_owned() } else { format!("{shown}: text where something else belongs") }
}

pub fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let (media, parameter) = value.split_once(';').unwrap_or((value, ""));
    let charset = parameter.trim().to_ascii_lowercase();
    media.trim().eq_ignore_ascii_case("application/json")
        && ["", "charset=utf-8", "charset=\"utf-8\""].contains(&charset.as_str())
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::broken("write an answer", error).into_response(),
        }
    }
}
