//! One request, whichever door it came through, and what it ends in.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use allin_core::ids::{Timestamp, UserId};
use allin_wire::binance::{ApiError, Code};
use bytes::Bytes;

use super::params::Params;
use crate::directory::ApiKey;

/// Who calls, once key and signature are checked.
#[derive(Clone)]
pub struct Caller {
    pub key: Arc<ApiKey>,
}

impl Caller {
    pub fn user(&self) -> UserId {
        self.key.user
    }
}

/// Unit of the times in an answer (`X-MBX-TIME-UNIT`, or `timeUnit` of the WebSocket API).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum TimeUnit {
    #[default]
    Milliseconds,
    Microseconds,
}

impl TimeUnit {
    /// `MILLISECOND` or `MICROSECOND`, also in small letters (-1194 otherwise).
    pub fn parse(text: &str) -> Result<TimeUnit, ApiError> {
        match text {
            "MILLISECOND" | "millisecond" => Ok(TimeUnit::Milliseconds),
            "MICROSECOND" | "microsecond" => Ok(TimeUnit::Microseconds),
            _ => Err(ApiError::new(
                Code::InvalidTimeUnit,
                "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
            )),
        }
    }

    pub fn of(self, at: Timestamp) -> u64 {
        match self {
            TimeUnit::Milliseconds => at.0 / 1000,
            TimeUnit::Microseconds => at.0,
        }
    }
}

/// A request after all checks that do not depend on the endpoint.
pub struct Call {
    pub params: Params,
    /// Present where the endpoint's security asks for a key.
    pub caller: Option<Caller>,
    pub address: IpAddr,
    pub now: Timestamp,
    pub time_unit: TimeUnit,
    /// The account has too many unfilled orders: no order may be placed. Only of endpoints that do something else besides.
    pub over_limit: Option<Failure>,
}

impl Call {
    /// The caller of an endpoint that demands one.
    pub fn caller(&self) -> &Caller {
        self.caller.as_ref().expect("the endpoint's security demands a caller")
    }

    pub fn user(&self) -> UserId {
        self.caller().user()
    }

    /// A time in the unit that the client asked for.
    pub fn time(&self, at: Timestamp) -> u64 {
        self.time_unit.of(at)
    }
}

/// A refused request: HTTP status, code, message; in the WebSocket API the same as `{"status", "error"}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub status: u16,
    pub error: ApiError,
    /// `data` beside code and message (cancelReplace), JSON.
    pub data: Option<Bytes>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

impl Failure {
    pub fn new(code: Code, msg: impl Into<Cow<'static, str>>) -> Failure {
        ApiError { code, msg: msg.into() }.into()
    }

    /// Nothing is known of the outcome, or a part of the exchange is away.
    pub fn away(msg: impl Into<Cow<'static, str>>) -> Failure {
        Failure { status: 503, ..Failure::new(Code::ServerBusy, msg) }
    }
}

impl From<ApiError> for Failure {
    /// HTTP 400, as nearly every error of the documentation.
    fn from(error: ApiError) -> Failure {
        Failure { status: 400, error, data: None, retry_after: None }
    }
}

/// JSON text of a result.
pub type Outcome = Result<Bytes, Failure>;

/// A result as JSON.
pub fn json(value: &impl serde::Serialize) -> Outcome {
    /// Most answers have fewer bytes.
    const USUAL: usize = 640;
    let mut text = Vec::with_capacity(USUAL);
    match serde_json::to_writer(&mut text, value) {
        Ok(()) => Ok(text.into()),
        Err(error) => {
            tracing::error!(%error, "an answer has no JSON form");
            Err(Failure {
                status: 500,
                ..Failure::new(Code::Unknown, "An unknown error occurred while processing the request.")
            })
        }
    }
}
