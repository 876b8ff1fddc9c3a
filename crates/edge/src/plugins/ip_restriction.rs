//! `ip-restriction`: who may ask at all.

use std::net::IpAddr;

use hyper::StatusCode;
use serde::Deserialize;

use super::cidr::Cidr;
use super::status;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    whitelist: Vec<String>,
    blacklist: Vec<String>,
    response_code: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { whitelist: Vec::new(), blacklist: Vec::new(), response_code: 403 }
    }
}

#[derive(Debug)]
pub struct IpRestriction {
    whitelist: Vec<Cidr>,
    blacklist: Vec<Cidr>,
    pub status: StatusCode,
}

impl IpRestriction {
    pub fn new(settings: Settings) -> Result<Self, String> {
        const NAME: &str = "ip-restriction";
        let list = |texts: &[String]| texts.iter().map(|text| Cidr::parse(NAME, text)).collect::<Result<Vec<_>, _>>();
        if settings.whitelist.is_empty() && settings.blacklist.is_empty() {
            return Err(format!("plugin {NAME}: needs a whitelist or a blacklist"));
        }
        Ok(Self {
            whitelist: list(&settings.whitelist)?,
            blacklist: list(&settings.blacklist)?,
            status: status(NAME, settings.response_code)?,
        })
    }

    /// The blacklist first, as APISIX does.
    pub fn allows(&self, client: IpAddr) -> bool {
        let within = |list: &[Cidr]| list.iter().any(|one| one.contains(client));
        !within(&self.blacklist) && (self.whitelist.is_empty() || within(&self.whitelist))
    }
}
