//! `[gateway]`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySection {
    /// Where users come in.
    pub public_listen: SocketAddr,
    /// Where operators and services come in.
    pub internal_listen: SocketAddr,
    /// Where users come in over TLS: an address, `off`, or `auto`: port 8443 beside the public port 8080, else a free one.
    pub tls_listen: String,
    /// Where the web site is passed through, when it is built; empty for nowhere.
    pub nlb_listen: String,
    /// The table as a file in APISIX's standalone form, read again when it changes; empty for the topology's.
    pub routes_file: PathBuf,
    /// Certificate chain and key as PEM files; empty for a self-made certificate in `node.data`/tls.
    pub tls_certificate: PathBuf,
    pub tls_key: PathBuf,
    /// Connections open at once on all listeners, tunnels included.
    pub connections_max: u32,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Header bytes of a request.
    pub header_bytes_max: u32,
    /// Body bytes of a request.
    pub body_bytes_max: u64,
    /// Time for a request's head, and the longest idle between requests.
    pub header_timeout_ms: u64,
    /// Longest wait for the next part of a body, in either direction.
    pub body_timeout_ms: u64,
    /// Longest wait for a connection to a service.
    pub connect_timeout_ms: u64,
    /// Longest wait for the head of a service's answer.
    pub upstream_timeout_ms: u64,
    /// Longest silence, both ways, of an upgraded connection.
    pub tunnel_idle_s: u64,
    /// Hands requests to services of its own process without a connection.
    pub inside: bool,
}

/// How `gateway.tls_listen` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsListen {
    Off,
    On(SocketAddr),
}

/// The public port beside which TLS has its usual one.
const PUBLIC_PORT: u16 = 8080;
const TLS_PORT: u16 = 8443;

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            public_listen: SocketAddr::from(([127, 0, 0, 1], PUBLIC_PORT)),
            internal_listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            tls_listen: "auto".to_owned(),
            nlb_listen: String::new(),
            routes_file: PathBuf::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            connections_max: 20_000,
            streams_max: 128,
            header_bytes_max: 65_536,
            body_bytes_max: 12 << 20,
            header_timeout_ms: 30_000,
            body_timeout_ms: 15_000,
            connect_timeout_ms: 2_000,
            upstream_timeout_ms: 30_000,
            tunnel_idle_s: 600,
            inside: true,
        }
    }
}

impl GatewaySection {
    /// The table's file, where one is configured.
    pub fn file(&self) -> Option<&Path> {
        Some(self.routes_file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }

    /// Where TLS is served.
    pub fn tls(&self) -> Result<TlsListen, Invalid> {
        match self.tls_listen.as_str() {
            "off" => Ok(TlsListen::Off),
            "auto" => {
                let port = if self.public_listen.port() == PUBLIC_PORT { TLS_PORT } else { 0 };
                Ok(TlsListen::On(SocketAddr::new(self.public_listen.ip(), port)))
            }
            text => match text.parse() {
                Ok(address) => Ok(TlsListen::On(address)),
                Err(_) => Err(Invalid::new("tls_listen", format!("{text:?} is not an address, off or auto"))),
            },
        }
    }

    /// Where the web site is passed through.
    pub fn nlb(&self) -> Result<Option<SocketAddr>, Invalid> {
        match self.nlb_listen.as_str() {
            "" => Ok(None),
            text => {
                text.parse().map(Some).map_err(|_| Invalid::new("nlb_listen", format!("{text:?} is not an address")))
            }
        }
    }
}

impl Section for GatewaySection {
    const NAME: &'static str = "gateway";

    fn check(&self) -> Result<(), Invalid> {
        self.tls()?;
        self.nlb()?;
        if self.tls_certificate.as_os_str().is_empty() != self.tls_key.as_os_str().is_empty() {
            return Err(Invalid::new("tls_key", "goes together with tls_certificate"));
        }
        let ranges = [
            ("connections_max", u64::from(self.connections_max), 1, 1_000_000),
            ("streams_max", u64::from(self.streams_max), 1, 10_000),
            // hyper's own least buffer.
            ("header_bytes_max", u64::from(self.header_bytes_max), 8_192, 1 << 20),
            ("body_bytes_max", self.body_bytes_max, 1, 1 << 30),
            ("header_timeout_ms", self.header_timeout_ms, 10, 3_600_000),
            ("body_timeout_ms", self.body_timeout_ms, 10, 3_600_000),
            ("connect_timeout_ms", self.connect_timeout_ms, 10, 60_000),
            ("upstream_timeout_ms", self.upstream_timeout_ms, 10, 3_600_000),
            ("tunnel_idle_s", self.tunnel_idle_s, 1, 86_400),
        ];
        for (key, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                return Err(Invalid::new(key, format!("{value} is not between {min} and {max}")));
            }
        }
        Ok(())
    }
}
