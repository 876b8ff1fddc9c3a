//! The one shape of every refusal: `{"code": "…", "message": "…"}`.

use std::borrow::Cow;
use std::fmt;

use allin_runtime::store::{StoreError, StoreErrorKind};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Seconds after which it is worth trying again when the service has too much to do.
const BUSY_RETRY_S: u64 = 1;

/// A refusal. What happened inside is in the log, never in here.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// For programs; stays the same.
    pub code: &'static str,
    /// For people.
    pub message: Cow<'static, str>,
    pub retry_after_s: Option<u64>,
}

/// What a refused request gets.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody<'a> {
    /// For programs; stays the same.
    #[schema(value_type = String, example = "invalid_request")]
    pub code: &'a str,
    /// For people.
    #[schema(value_type = String)]
    pub message: &'a str,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Problem {
        Problem { status, code, message: message.into(), retry_after_s: None }
    }

    /// 400: does not have the form that the interface describes.
    pub fn malformed(message: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    pub fn unauthorized() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "log in first")
    }

    pub fn forbidden(code: &'static str, message: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, code, message)
    }

    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing")
    }

    /// 409: well-formed, and not to be done as things are.
    pub fn conflict(code: &'static str, message: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::CONFLICT, code, message)
    }

    pub fn too_many(retry_after_s: u64) -> Problem {
        let message = "too many attempts; try again later";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", message);
        Problem { retry_after_s: Some(retry_after_s.max(1)), ..problem }
    }

    pub fn busy() -> Problem {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too much to do; try again");
        Problem { retry_after_s: Some(BUSY_RETRY_S), ..problem }
    }

    /// 500: our own mistake, told in the log only.
    pub fn broken(doing: &'static str, error: impl fmt::Display) -> Problem {
        tracing::error!(doing, %error, "userserver failed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something broke on our side")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error.kind() {
            StoreErrorKind::Unavailable => {
                tracing::warn!(%error, "the store of the users is away");
                Problem { message: "the store is away; try again".into(), ..Problem::busy() }
            }
            _ => Problem::broken("the store", error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ErrorBody { code: self.code, message: &self.message };
        let body = serde_json::to_vec(&body).expect("two texts");
        let mut response = (self.status, [(CONTENT_TYPE, "application/json")], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
