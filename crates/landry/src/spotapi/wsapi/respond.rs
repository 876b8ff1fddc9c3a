//! Answers as text frames.

use std::borrow::Cow;

use allin_core::ids::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::call::{Failure, Outcome};
use super::super::limits::{Rules, Usage};
use super::super::market::{RateLimit, rate_limits};
use crate::jsontext::Object;

/// Beside code and message where a limit is broken: when to come again, milliseconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wait {
    server_time: u64,
    retry_after: u64,
}

#[derive(Serialize)]
struct Error<'a> {
    code: i32,
    msg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

/// `{"id", "status", "result" or "error", "rateLimits"}`. `id` is JSON.
pub fn answer(id: &str, outcome: &Outcome, limits: Option<Vec<RateLimit>>, now: Timestamp) -> String {
    /// Bytes of what stands around a result; of limits there are few.
    const FRAME: usize = 48;
    const LIMITS: usize = 400;
    let result = outcome.as_ref().map_or(0, |result| result.len());
    let limits_len = if limits.is_some() { LIMITS } else { 0 };
    let mut object = Object::with_capacity(FRAME + id.len() + result + limits_len);
    object.json("id", id);
    match outcome {
        Ok(result) => {
            object.json("status", "200").json("result", &text(result));
        }
        Err(failure) => {
            object.raw("status", failure.status).json("error", &error(failure, now));
        }
    }
    if let Some(limits) = limits {
        object.json("rateLimits", &serde_json::to_string(&limits).unwrap_or_default());
    }
    object.finish()
}

/// Results are UTF-8, which is quickly seen.
fn text(result: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(result).map_or_else(|_| String::from_utf8_lossy(result), Cow::Borrowed)
}

fn error(failure: &Failure, now: Timestamp) -> String {
    let wait = failure
        .retry_after
        .map(|seconds| Wait { server_time: now.millis(), retry_after: now.millis() + 1000 * u64::from(seconds) });
    let data = match (&failure.data, wait) {
        (Some(data), _) => serde_json::from_slice(data).ok(),
        (None, Some(wait)) => serde_json::value::to_raw_value(&wait).ok(),
        (None, None) => None,
    };
    let error = Error { code: failure.error.code as i32, msg: &failure.error.msg, data };
    serde_json::to_string(&error).unwrap_or_default()
}

/// What is used of the limits: of orders where some were placed, then of weight.
pub fn usage(rules: &Rules, usage: Usage) -> Vec<RateLimit> {
    let used = |limit: &RateLimit| match (limit.rate_limit_type, limit.interval) {
        ("ORDERS", "SECOND") => usage.orders.map(|(short, _)| short),
        ("ORDERS", _) => usage.orders.map(|(_, day)| day),
        ("REQUEST_WEIGHT", _) => Some(usage.weight_1m),
        _ => None,
    };
    let mut limits: Vec<RateLimit> = rate_limits(rules)
        .into_iter()
        .filter_map(|limit| used(&limit).map(|count| RateLimit { count: Some(count), ..limit }))
        .collect();
    limits.sort_by_key(|limit| limit.rate_limit_type);
    limits
}

/// An event of a subscription.
pub fn event(subscription: u32, event: &[u8]) -> String {
    let mut object = Object::with_capacity(event.len() + 40);
    object.raw("subscriptionId", subscription).json("event", &String::from_utf8_lossy(event));
    object.finish()
}

/// The connection is about to end.
pub fn server_shutdown(at: u64) -> String {
    format!(r#"{{"event":{{"e":"serverShutdown","E":{at}}}}}"#)
}
