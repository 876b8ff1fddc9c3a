//! The plugins of a route, under APISIX's names and with its settings. What is not in this folder is refused by its name:
//! a rule that is configured and not applied would be worse than a gateway that does not start.

mod cidr;
mod cors;
mod ip_restriction;
mod key;
mod limit_count;
mod limit_req;
mod proxy_rewrite;
mod real_ip;
mod request_id;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use cors::Cors;
pub use ip_restriction::IpRestriction;
pub use limit_count::LimitCount;
pub use limit_req::LimitReq;
pub use proxy_rewrite::ProxyRewrite;
pub use real_ip::RealIp;
pub use request_id::RequestId;

/// What is done with the requests of a route.
#[derive(Debug, Default)]
pub struct Plugins {
    pub real_ip: Option<RealIp>,
    pub request_id: Option<RequestId>,
    pub ip_restriction: Option<IpRestriction>,
    pub limit_count: Option<LimitCount>,
    pub limit_req: Option<LimitReq>,
    pub cors: Option<Cors>,
    pub proxy_rewrite: Option<ProxyRewrite>,
}

/// `prometheus` counts the route; its series carry the route's name whatever `prefer_name` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prometheus {
    #[serde(default, rename = "prefer_name")]
    _prefer_name: bool,
}

impl Plugins {
    pub fn read(plugins: BTreeMap<String, Value>) -> Result<Self, String> {
        let mut all = Self::default();
        for (name, value) in plugins {
            match name.as_str() {
                "real-ip" => all.real_ip = Some(RealIp::new(settings(&name, value)?)?),
                "request-id" => all.request_id = Some(RequestId::new(settings(&name, value)?)?),
                "ip-restriction" => all.ip_restriction = Some(IpRestriction::new(settings(&name, value)?)?),
                "limit-count" => all.limit_count = Some(LimitCount::new(settings(&name, value)?)?),
                "limit-req" => all.limit_req = Some(LimitReq::new(settings(&name, value)?)?),
                "cors" => all.cors = Some(Cors::new(settings(&name, value)?)?),
                "proxy-rewrite" => all.proxy_rewrite = Some(ProxyRewrite::new(settings(&name, value)?)?),
                "prometheus" => {
                    settings::<Prometheus>(&name, value)?;
                }
                _ => return Err(format!("plugin {name} is not served")),
            }
        }
        Ok(all)
    }
}

fn settings<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("plugin {name}: {error}"))
}

/// A status that a plugin refuses with.
fn status(plugin: &str, code: u16) -> Result<hyper::StatusCode, String> {
    let status = hyper::StatusCode::from_u16(code).ok();
    status
        .filter(|_| (400..600).contains(&code))
        .ok_or_else(|| format!("plugin {plugin}: {code} is not a status of an error"))
}
