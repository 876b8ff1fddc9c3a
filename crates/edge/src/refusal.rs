//! What the gateway answers by itself, in the API's own shape: `{"code": …, "msg": …}`. A closed list, so that nothing
//! of a request or of a failure inside gets into an answer.

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use crate::body::Body;

/// Why the gateway does not forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Path,
    Host,
    Upgrade,
    NotFound,
    Forbidden,
    Method,
    TooLarge,
    SlowBody,
    BadBody,
    TooMany,
    /// The service is not running here, or does not take connections: nothing was sent.
    Down,
    /// The service broke off; what it did is not known.
    Broken,
    /// The service did not answer in time; what it did is not known.
    Timeout,
}

impl Refusal {
    /// Status, code (Binance Spot REST, error codes: 10xx) and text.
    fn row(self) -> (StatusCode, i32, &'static str) {
        match self {
            Self::Path => (StatusCode::BAD_REQUEST, -1100, "The path is not in its normal form."),
            Self::Host => (StatusCode::BAD_REQUEST, -1100, "The host is missing, malformed or ambiguous."),
            Self::Upgrade => (StatusCode::BAD_REQUEST, -1100, "The upgrade is malformed."),
            Self::NotFound => (StatusCode::NOT_FOUND, -1000, "No such host or path."),
            Self::Forbidden => (StatusCode::FORBIDDEN, -1002, "Your address is not allowed here."),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, -1000, "The method is not served."),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, -1000, "The body is too large."),
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, -1000, "The body did not arrive in time."),
            Self::BadBody => (StatusCode::BAD_REQUEST, -1000, "The body is malformed."),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, -1003, "Too many requests."),
            Self::Down => {
                (StatusCode::SERVICE_UNAVAILABLE, -1001, "The service is not running; the request was not sent.")
            }
            Self::Broken => (StatusCode::BAD_GATEWAY, -1006, "The service broke off; execution status unknown."),
            Self::Timeout => {
                (StatusCode::GATEWAY_TIMEOUT, -1007, "Timeout waiting for the service; execution status unknown.")
            }
        }
    }

    pub fn response(self) -> Response<Body> {
        let (status, code, text) = self.row();
        self.with_status(status, code, text)
    }

    /// The same refusal under the status that a plugin is configured with.
    pub fn response_as(self, status: StatusCode) -> Response<Body> {
        let (_, code, text) = self.row();
        self.with_status(status, code, text)
    }

    fn with_status(self, status: StatusCode, code: i32, text: &str) -> Response<Body> {
        let mut response = Response::new(Body::text(format!("{{\"code\":{code},\"msg\":\"{text}\"}}")));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self == Self::Down || self == Self::TooMany {
            headers.entry(RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        response
    }
}
