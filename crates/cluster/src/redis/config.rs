//! `[cache]`: where the shared cache is.

use std::fmt;

use allin_runtime::config::{Invalid, Section};
use redis::{ConnectionAddr, IntoConnectionInfo};
use serde::{Deserialize, Serialize};

/// `[cache]`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSection {
    /// Of the spot domain (`landry-…`): `redis://…`; empty: in the process of its cachecenter.
    pub spot_url: String,
    /// All keys and channels begin with it.
    pub prefix: String,
    /// For each operation, with the connection that it may need.
    pub timeout_ms: u64,
}

impl Default for CacheSection {
    fn default() -> Self {
        Self { spot_url: String::new(), prefix: "allin:".to_owned(), timeout_ms: 500 }
    }
}

impl CacheSection {
    /// The URL of the spot domain's server; none where the cache is in a process.
    pub fn spot(&self) -> Option<&str> {
        (!self.spot_url.is_empty()).then_some(self.spot_url.as_str())
    }
}

/// A URL without user and password.
pub(super) fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

impl fmt::Debug for CacheSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheSection")
            .field("spot_url", &self.spot().map(shown))
            .field("prefix", &self.prefix)
            .field("timeout_ms", &self.timeout_ms)
            .finish()
    }
}

impl Section for CacheSection {
    const NAME: &'static str = "cache";

    fn check(&self) -> Result<(), Invalid> {
        if let Some(url) = self.spot() {
            let is_plain = |info: redis::ConnectionInfo| matches!(info.addr(), ConnectionAddr::Tcp(..));
            if !url.starts_with("redis://") || !url.into_connection_info().is_ok_and(is_plain) {
                let reason = format!("{}: expected redis://USER:PASSWORD@HOST:PORT/DATABASE, or nothing", shown(url));
                return Err(Invalid::new("spot_url", reason));
            }
        }
        if !(10..=60_000).contains(&self.timeout_ms) {
            return Err(Invalid::new("timeout_ms", format!("{} is not between 10 and 60000", self.timeout_ms)));
        }
        Ok(())
    }
}
