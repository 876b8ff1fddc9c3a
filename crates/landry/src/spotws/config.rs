//! `[spotws]`: bounds, limits and trusted peers of landry-spotws-web.

use std::net::IpAddr;
use std::time::Duration;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

use crate::directory::IpRange;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpotWsSection {
    /// Open connections at most; further ones wait in the listener's backlog.
    pub connections_max: u32,
    /// New connections of one address in five minutes; further ones get 429. 0: no limit.
    pub connections_5m_max: u32,
    /// Messages and pings of one connection in a second, over ten seconds; with more it is closed, and with five times
    /// as many, pongs too, in one second. 0: no limit.
    pub messages_1s_max: u32,
    /// Streams of one connection.
    pub streams_max: u32,
    /// Largest message of a client.
    pub message_bytes_max: u32,
    /// What may wait for a client that reads slowly; with more it is closed.
    pub queue_messages_max: u32,
    pub queue_bytes_max: u32,
    /// How often streams of 100 ms are told; those of a second ten times less.
    pub publish_ms: u64,
    pub ping_ms: u64,
    /// A connection without a pong for this long is closed.
    pub pong_timeout_ms: u64,
    /// Life of a connection.
    pub lifetime_s: u64,
    /// From the connection to the end of its request's headers.
    pub handshake_timeout_ms: u64,
    /// Ranges of peers whose `X-Real-IP` says where a connection comes from: the gateway's addresses.
    pub trusted_peers: Vec<String>,
    /// Addresses that are counted apart at most; those beyond share one count.
    pub counted_max: u32,
}

impl Default for SpotWsSection {
    fn default() -> Self {
        Self {
            connections_max: 50_000,
            connections_5m_max: 300,
            messages_1s_max: 5,
            streams_max: 1024,
            message_bytes_max: 128 << 10,
            queue_messages_max: 4096,
            queue_bytes_max: 4 << 20,
            publish_ms: 100,
            ping_ms: 20_000,
            pong_timeout_ms: 60_000,
            lifetime_s: 86_400,
            handshake_timeout_ms: 10_000,
            trusted_peers: ["127.0.0.0/8", "::1/128"].map(str::to_owned).to_vec(),
            counted_max: 100_000,
        }
    }
}

impl SpotWsSection {
    pub(super) fn publish(&self) -> Duration {
        Duration::from_millis(self.publish_ms)
    }

    /// The time between two messages of a stream of one second.
    pub(super) fn publish_slow(&self) -> Duration {
        self.publish() * 10
    }

    /// The ranges of [`SpotWsSection::trusted_peers`], or the first that is none.
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

impl Section for SpotWsSection {
    const NAME: &'static str = "spotws";

    fn check(&self) -> Result<(), Invalid> {
        let bounds = [
            ("connections_max", u64::from(self.connections_max), 1, 1 << 20),
            ("streams_max", u64::from(self.streams_max), 1, 1 << 16),
            ("message_bytes_max", u64::from(self.message_bytes_max), 1024, 16 << 20),
            ("queue_messages_max", u64::from(self.queue_messages_max), 16, 1 << 20),
            ("queue_bytes_max", u64::from(self.queue_bytes_max), 64 << 10, 1 << 30),
            ("publish_ms", self.publish_ms, 1, 1000),
            ("ping_ms", self.ping_ms, 10, 3_600_000),
            ("pong_timeout_ms", self.pong_timeout_ms, 10, 3_600_000),
            ("lifetime_s", self.lifetime_s, 1, 30 * 86_400),
            ("handshake_timeout_ms", self.handshake_timeout_ms, 10, 3_600_000),
            ("counted_max", u64::from(self.counted_max), 1, 1 << 24),
        ];
        for (key, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(Invalid::new(key, format!("{value} is not between {min} and {max}")));
            }
        }
        if self.pong_timeout_ms <= self.ping_ms {
            return Err(Invalid::new("pong_timeout_ms", "must be longer than ping_ms"));
        }
        self.trusted()
            .map(|_| ())
            .map_err(|text| Invalid::new("trusted_peers", format!("{text:?} is no range of addresses")))
    }
}
