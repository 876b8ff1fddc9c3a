//! `real-ip`: whose word on a client's address is taken. Without this plugin nobody's is.

use std::net::IpAddr;

use hyper::header::{HeaderMap, HeaderName};
use serde::Deserialize;

use super::cidr::Cidr;
use crate::headers::{FORWARDED_FOR, FORWARDED_PROTO, Origin};

const NAME: &str = "real-ip";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    source: String,
    trusted_addresses: Vec<String>,
    #[serde(default)]
    recursive: bool,
}

#[derive(Debug)]
pub struct RealIp {
    header: HeaderName,
    trusted: Vec<Cidr>,
    recursive: bool,
}

impl RealIp {
    pub fn new(settings: Settings) -> Result<Self, String> {
        let name = settings.source.strip_prefix("http_").map(|name| name.replace('_', "-"));
        let header = name.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let header =
            header.ok_or_else(|| format!("plugin {NAME}: source {:?} is not http_<header>", settings.source))?;
        if settings.trusted_addresses.is_empty() {
            return Err(format!("plugin {NAME}: trusted_addresses must name somebody"));
        }
        let trusted =
            settings.trusted_addresses.iter().map(|text| Cidr::parse(NAME, text)).collect::<Result<_, _>>()?;
        Ok(Self { header, trusted, recursive: settings.recursive })
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|one| one.contains(address))
    }

    /// The origin that a trusted peer tells; a peer that is not trusted is the origin itself.
    pub fn origin(&self, peer: IpAddr, https: bool, headers: &HeaderMap) -> Origin {
        let direct = Origin { client: peer, https, before: None };
        if !self.trusts(peer) {
            return direct;
        }
        // Several headers are one list.
        let said: Option<Vec<IpAddr>> = headers
            .get_all(&self.header)
            .iter()
            .flat_map(|value| value.to_str().unwrap_or("-").split(','))
            .map(|text| text.trim().parse().ok())
            .collect();
        // A list with something else in it tells nothing.
        let Some(said) = said.filter(|said| !said.is_empty()) else { return direct };
        let last = said[said.len() - 1];
        let client = match self.recursive {
            false => last,
            true => said.iter().rev().copied().find(|address| !self.trusts(*address)).unwrap_or(said[0]),
        };
        let https = match headers.get(FORWARDED_PROTO).map(|value| value.as_bytes()) {
            Some(b"https") => true,
            Some(b"http") => false,
            _ => https,
        };
        // Several lines of the chain are one list too; all are addresses if the source is the chain itself.
        let chain: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let before = Some(chain.join(", ")).filter(|chain| !chain.is_empty()).and_then(|chain| chain.parse().ok());
        Origin { client, https, before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_peer_is_believed() {
        let plugin = |recursive| {
            RealIp::new(Settings {
                source: "http_x_forwarded_for".into(),
                trusted_addresses: vec!["10.0.0.0/8".into()],
                recursive,
            })
            .expect("settings")
        };
        let rows = [
            ("10.0.0.1", false, "1.2.3.4", "1.2.3.4"),
            ("10.0.0.1", false, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
            ("10.0.0.1", false, "1.2.3.4, 10.0.0.9", "10.0.0.9"),
            ("10.0.0.1", true, "6.6.6.6, 1.2.3.4, 10.0.0.9", "1.2.3.4"),
            ("10.0.0.1", true, "10.0.0.8, 10.0.0.9", "10.0.0.8"),
            ("10.0.0.1", true, "nonsense, 1.2.3.4", "10.0.0.1"),
            ("10.0.0.1", false, "", "10.0.0.1"),
            ("11.0.0.1", false, "1.2.3.4", "11.0.0.1"),
        ];
        for (peer, recursive, said, want) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_FOR, said.parse().expect("a value"));
            let peer: IpAddr = peer.parse().expect("an address");
            let origin = plugin(recursive).origin(peer, false, &headers);
            assert_eq!(origin.client.to_string(), want, "{peer} {said}");
        }
    }
}
