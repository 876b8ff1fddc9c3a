//! `limit-req`: a leaky bucket. Requests within the burst are let through at once (`nodelay`) or as their turn comes.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderMap;
use serde::Deserialize;
use tokio::time::Instant;

use super::key::{Key, Usage};
use super::limit_count::{remote_addr, unavailable, var};
use super::status;

const NAME: &str = "limit-req";
/// Longest that a request is held back.
const DELAY_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Requests a second.
    rate: u64,
    /// Requests beyond the rate.
    burst: u64,
    #[serde(default = "var")]
    key_type: String,
    #[serde(default = "remote_addr")]
    key: String,
    #[serde(default = "unavailable")]
    rejected_code: u16,
    #[serde(default)]
    nodelay: bool,
}

#[derive(Debug)]
pub struct LimitReq {
    /// Time that one request takes to leak away.
    interval: Duration,
    burst: u64,
    nodelay: bool,
    pub status: StatusCode,
    /// When each client's bucket is empty.
    usage: Usage<Instant>,
}

impl LimitReq {
    pub fn new(settings: Settings) -> Result<Self, String> {
        if !(1..=1_000_000).contains(&settings.rate) || settings.burst > 1_000_000 {
            return Err(format!("plugin {NAME}: rate must be positive, rate and burst a million at most"));
        }
        let interval = Duration::from_nanos(1_000_000_000 / settings.rate);
        let slowest = interval.saturating_mul(settings.burst as u32);
        if !settings.nodelay && slowest > DELAY_MAX {
            return Err(format!("plugin {NAME}: burst / rate is above {} s", DELAY_MAX.as_secs()));
        }
        Ok(Self {
            interval,
            burst: settings.burst,
            nodelay: settings.nodelay,
            status: status(NAME, settings.rejected_code)?,
            usage: Usage::new(Key::parse(NAME, &settings.key_type, &settings.key)?),
        })
    }

    /// How long the request has to wait; none when it is one too many.
    pub fn take(&self, client: IpAddr, headers: &HeaderMap, now: Instant) -> Option<Duration> {
        let wait = self.usage.with(
            client,
            headers,
            || now,
            |empty| *empty <= now,
            |empty| {
                let wait = empty.saturating_duration_since(now);
                if wait > self.interval.saturating_mul(self.burst as u32) {
                    return None;
                }
                *empty = now + wait + self.interval;
                Some(wait)
            },
        )?;
        Some(if self.nodelay { Duration::ZERO } else { wait })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_leaks_at_its_rate() {
        let limit = |nodelay: bool| {
            let settings = serde_json::json!({ "rate": 10, "burst": 2, "nodelay": nodelay });
            LimitReq::new(serde_json::from_value(settings).expect("settings")).expect("settings")
        };
        let rows = [
            (0, Some(0)),
            (0, Some(100)),
            (0, Some(200)),
            (0, None),
            (99, None),
            (100, Some(200)),
            (1000, Some(0)),
            (1001, Some(99)),
        ];
        for nodelay in [false, true] {
            let (limit, start) = (limit(nodelay), Instant::now());
            for (at, want) in rows {
                let wait =
                    limit.take(IpAddr::from([10, 0, 0, 1]), &HeaderMap::new(), start + Duration::from_millis(at));
                let want = want.map(|ms| Duration::from_millis(if nodelay { 0 } else { ms }));
                assert_eq!(wait, want, "at {at}");
            }
        }
    }
}
