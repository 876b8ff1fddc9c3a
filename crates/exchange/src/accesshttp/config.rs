//! `[accesshttp]`: bounds, timeouts, and which business types are paid by the house.

use std::time::Duration;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Largest request body.
    pub body_bytes_max: u32,
    /// Open connections at most; further ones wait in the listener's backlog.
    pub connections_max: u32,
    /// Requests being answered at most; further ones get "service unavailable".
    pub requests_max: u32,
    /// From the first wait for a request to the end of its headers: bounds slow headers and idle connections.
    pub header_timeout_ms: u64,
    /// For the whole body.
    pub body_timeout_ms: u64,
    /// For the answer, from the end of the body; afterwards "service timeout".
    pub answer_timeout_ms: u64,
    /// Business types of balance.update that move money from and to the funded house account. Gifts have to come out
    /// of an account that can run dry; everything else is money that enters or leaves the exchange, against clearing.
    pub house_businesses: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 << 10,
            connections_max: 4096,
            requests_max: 16_384,
            header_timeout_ms: 30_000,
            body_timeout_ms: 10_000,
            answer_timeout_ms: 5000,
            house_businesses: ["airdrop", "reward", "rebate", "bonus", "compensation"].map(str::to_owned).to_vec(),
        }
    }
}

impl Config {
    pub(super) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(super) fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }

    pub(super) fn is_house(&self, business: &str) -> bool {
        self.house_businesses.iter().any(|house| house == business)
    }
}

impl Section for Config {
    const NAME: &'static str = super::ROLE;

    fn check(&self) -> Result<(), Invalid> {
        let bounds = [
            ("body_bytes_max", u64::from(self.body_bytes_max), 1024, 16 << 20),
            ("connections_max", u64::from(self.connections_max), 1, 1 << 20),
            ("requests_max", u64::from(self.requests_max), 1, 1 << 20),
            ("header_timeout_ms", self.header_timeout_ms, 10, 3_600_000),
            ("body_timeout_ms", self.body_timeout_ms, 10, 3_600_000),
            ("answer_timeout_ms", self.answer_timeout_ms, 10, 3_600_000),
        ];
        for (key, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(Invalid::new(key, format!("{value} is not between {min} and {max}")));
            }
        }
        Ok(())
    }
}
