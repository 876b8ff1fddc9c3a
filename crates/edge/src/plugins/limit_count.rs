//! `limit-count`: so many requests in a window of fixed length.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;

use super::key::{Key, Usage};
use super::status;

const NAME: &str = "limit-count";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    count: u64,
    /// Seconds.
    time_window: u64,
    #[serde(default = "var")]
    key_type: String,
    #[serde(default = "remote_addr")]
    key: String,
    #[serde(default = "unavailable")]
    rejected_code: u16,
    #[serde(default = "yes")]
    show_limit_quota_header: bool,
    #[serde(default = "local")]
    policy: String,
}

pub(super) fn var() -> String {
    "var".to_owned()
}

pub(super) fn remote_addr() -> String {
    "remote_addr".to_owned()
}

pub(super) fn unavailable() -> u16 {
    503
}

fn yes() -> bool {
    true
}

fn local() -> String {
    "local".to_owned()
}

#[derive(Debug)]
pub struct LimitCount {
    count: u64,
    window: Duration,
    shown: bool,
    pub status: StatusCode,
    usage: Usage<Window>,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    used: u64,
}

/// What a client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub allowed: bool,
    remaining: u64,
    reset_s: u64,
}

impl LimitCount {
    pub fn new(settings: Settings) -> Result<Self, String> {
        if settings.policy != "local" {
            return Err(format!("plugin {NAME}: policy {:?} is not served; local is", settings.policy));
        }
        if settings.count == 0 || !(1..=86_400).contains(&settings.time_window) {
            return Err(format!("plugin {NAME}: count and time_window must be positive, and the window a day at most"));
        }
        Ok(Self {
            count: settings.count,
            window: Duration::from_secs(settings.time_window),
            shown: settings.show_limit_quota_header,
            status: status(NAME, settings.rejected_code)?,
            usage: Usage::new(Key::parse(NAME, &settings.key_type, &settings.key)?),
        })
    }

    pub fn take(&self, client: IpAddr, headers: &HeaderMap, now: Instant) -> Quota {
        let new = || Window { since: now, used: 0 };
        let is_old = |entry: &Window| now.duration_since(entry.since) >= self.window;
        self.usage.with(client, headers, new, is_old, |entry| {
            if is_old(entry) {
                *entry = new();
            }
            let allowed = entry.used < self.count;
            entry.used += u64::from(allowed);
            let left = self.window.saturating_sub(now.duration_since(entry.since));
            Quota { allowed, remaining: self.count - entry.used, reset_s: left.as_secs() }
        })
    }

    pub fn show(&self, quota: Quota, headers: &mut HeaderMap) {
        if self.shown {
            let rows = [
                ("x-ratelimit-limit", self.count),
                ("x-ratelimit-remaining", quota.remaining),
                ("x-ratelimit-reset", quota.reset_s),
            ];
            for (name, value) in rows {
                headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_count_for_each_client() {
        let settings = serde_json::json!({ "count": 2, "time_window": 10 });
        let limit = LimitCount::new(serde_json::from_value(settings).expect("settings")).expect("settings");
        let start = Instant::now();
        let rows = [
            (1, 0, true),
            (1, 1, true),
            (1, 9, false),
            (2, 9, true),
            (1, 10, true),
            (1, 19, true),
            (1, 19, false),
            (1, 20, true),
        ];
        for (client, at, want) in rows {
            let client = IpAddr::from([10, 0, 0, client]);
            let quota = limit.take(client, &HeaderMap::new(), start + Duration::from_secs(at));
            assert_eq!(quota.allowed, want, "{client} at {at}");
        }
    }
}
