//! `[spotapi]`: bounds, limits and trusted peers of landry-spotapi-web.

use std::net::IpAddr;
use std::time::Duration;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

use crate::directory::IpRange;

const HOUR_MS: u64 = 3_600_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpotApiSection {
    /// Largest request body.
    pub body_bytes_max: u32,
    /// Open connections at most; further ones wait in the listener's backlog.
    pub connections_max: u32,
    /// Requests being answered at most; further ones get 503 at once.
    pub requests_max: u32,
    /// Room on top of that for requests that cancel.
    pub cancel_requests_max: u32,
    /// From the first wait for a request to the end of its headers: bounds slow headers and idle connections.
    pub header_timeout_ms: u64,
    /// For the whole body.
    pub body_timeout_ms: u64,
    /// For the answer, from the end of the body; afterwards the outcome is unknown (-1007).
    pub answer_timeout_ms: u64,
    /// How long an answer from history waits for what the engine knew when it was asked; afterwards 503.
    pub history_wait_ms: u64,
    /// Ranges of peers whose `X-Real-IP` says where a request comes from: the gateway's addresses.
    pub trusted_peers: Vec<String>,
    /// Request weight of one address in a minute (`REQUEST_WEIGHT`). 0: no limit.
    pub weight_1m_max: u32,
    /// Requests of one address in five minutes (`RAW_REQUESTS`). 0: no limit.
    pub raw_requests_5m_max: u32,
    /// Orders of one account in ten seconds and in a day (`ORDERS`). 0: no limit.
    pub orders_10s_max: u32,
    pub orders_1d_max: u32,
    /// Refused requests within a window after which the address is banned (418) for two minutes, and twice as long each time.
    pub refusals_before_ban: u32,
    /// Addresses and accounts that are counted apart at most; those beyond share one count.
    pub counted_max: u32,
    /// API keys remembered at most.
    pub keys_max: u32,
    /// WebSocket API: open connections at most; further ones get 503.
    pub ws_connections_max: u32,
    /// Attempts to connect of one address in five minutes. 0: no limit.
    pub ws_attempts_5m_max: u32,
    /// Requests of one connection that are being answered; while there are so many, nothing more is read of it.
    pub ws_in_flight_max: u32,
    /// Longest message.
    pub ws_message_bytes_max: u32,
    /// Pings and pongs of a client in one second; with more the connection is closed.
    pub ws_control_frames_1s_max: u32,
    /// Between two pings of ours, and how long one may stay without its pong before the connection is closed.
    pub ws_ping_interval_ms: u64,
    pub ws_pong_wait_ms: u64,
    /// How long a client may take to read what is sent before the connection is cut.
    pub ws_write_wait_ms: u64,
    /// Life of a connection; `serverShutdown` is sent `ws_notice_ms` before its end.
    pub ws_life_ms: u64,
    pub ws_notice_ms: u64,
}

impl Default for SpotApiSection {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 << 10,
            connections_max: 16_384,
            requests_max: 8192,
            cancel_requests_max: 2048,
            header_timeout_ms: 75_000,
            body_timeout_ms: 10_000,
            answer_timeout_ms: 10_000,
            history_wait_ms: 2000,
            trusted_peers: ["127.0.0.0/8", "::1/128"].map(str::to_owned).to_vec(),
            weight_1m_max: 6000,
            raw_requests_5m_max: 300_000,
            orders_10s_max: 100,
            orders_1d_max: 200_000,
            refusals_before_ban: 1000,
            counted_max: 100_000,
            keys_max: 100_000,
            ws_connections_max: 16_384,
            ws_attempts_5m_max: 300,
            ws_in_flight_max: 1024,
            ws_message_bytes_max: 64 << 10,
            ws_control_frames_1s_max: 20,
            ws_ping_interval_ms: 20_000,
            ws_pong_wait_ms: 60_000,
            ws_write_wait_ms: 10_000,
            ws_life_ms: 24 * HOUR_MS,
            ws_notice_ms: 10_000,
        }
    }
}

impl SpotApiSection {
    pub(super) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(super) fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }

    pub(super) fn history_wait(&self) -> Duration {
        Duration::from_millis(self.history_wait_ms)
    }

    /// The ranges of [`SpotApiSection::trusted_peers`], or the first that is none.
    pub(super) fn trusted(&self) -> Result<Vec<IpRange>, String> {
        self.trusted_peers.iter().map(|text| parse_range(text).ok_or_else(|| text.clone())).collect()
    }
}

fn parse_range(text: &str) -> Option<IpRange> {
    let (network, bits) = match text.split_once('/') {
        Some((network, bits)) => (network, Some(bits.parse().ok()?)),
        None => (text, None),
    };
    let network: IpAddr = network.parse().ok()?;
    let width = if network.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(width);
    (bits <= width).then_some(IpRange { network, bits })
}

impl Section for SpotApiSection {
    const NAME: &'static str = "spotapi";

    fn check(&self) -> Result<(), Invalid> {
        let bounds = [
            ("body_bytes_max", u64::from(self.body_bytes_max), 1024, 16 << 20),
            ("connections_max", u64::from(self.connections_max), 1, 1 << 20),
            ("requests_max", u64::from(self.requests_max), 1, 1 << 20),
            ("cancel_requests_max", u64::from(self.cancel_requests_max), 1, 1 << 20),
            ("header_timeout_ms", self.header_timeout_ms, 10, 3_600_000),
            ("body_timeout_ms", self.body_timeout_ms, 10, 3_600_000),
            ("answer_timeout_ms", self.answer_timeout_ms, 10, 3_600_000),
            ("history_wait_ms", self.history_wait_ms, 1, 60_000),
            ("refusals_before_ban", u64::from(self.refusals_before_ban), 1, 1 << 31),
            ("counted_max", u64::from(self.counted_max), 1, 1 << 24),
            ("keys_max", u64::from(self.keys_max), 1, 1 << 24),
            ("ws_connections_max", u64::from(self.ws_connections_max), 1, 1 << 20),
            ("ws_in_flight_max", u64::from(self.ws_in_flight_max), 1, 1 << 20),
            ("ws_message_bytes_max", u64::from(self.ws_message_bytes_max), 256, 16 << 20),
            ("ws_control_frames_1s_max", u64::from(self.ws_control_frames_1s_max), 1, 1 << 20),
            ("ws_ping_interval_ms", self.ws_ping_interval_ms, 10, 24 * HOUR_MS),
            ("ws_pong_wait_ms", self.ws_pong_wait_ms, 10, 24 * HOUR_MS),
            ("ws_write_wait_ms", self.ws_write_wait_ms, 10, 24 * HOUR_MS),
            ("ws_life_ms", self.ws_life_ms, 10, 30 * 24 * HOUR_MS),
            ("ws_notice_ms", self.ws_notice_ms, 0, self.ws_life_ms),
        ];
        for (key, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(Invalid::new(key, format!("{value} is not between {min} and {max}")));
            }
        }
        self.trusted()
            .map(|_| ())
            .map_err(|text| Invalid::new("trusted_peers", format!("{text:?} is no range of addresses")))
    }
}
