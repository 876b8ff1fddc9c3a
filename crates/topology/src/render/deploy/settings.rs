//! What the binary is told: a file without secrets, and the variables that bring them.

use std::fmt::Write;

use super::{
    MARK, arrows,
    middleware::{Engine, port},
};
use crate::{
    model::{Middleware, Service, Settings},
    render::View,
};

/// Where the file is in a container.
pub(super) const FOLDER: &str = "/etc/allin";
pub(super) const FILE: &str = "/etc/allin/allin.toml";
/// Where a service keeps what it keeps.
pub(super) const DATA: &str = "/var/lib/allin";
/// Where every process tells how it is.
pub(super) const HEALTH_PORT: u16 = 8090;
/// The private network of a cluster, in which the gateway and the middleware are.
pub(super) const PRIVATE_NETWORK: &str = "10.0.0.0/8";

/// Where a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On a laptop: the gateway is the only proxy, in a network of Docker's or of a small cluster's.
    Laptop,
    /// Behind CloudFront and the balancers.
    Cloud,
}

impl Place {
    /// Whose word counts on where a request comes from.
    fn gateways(self) -> &'static [&'static str] {
        match self {
            Self::Laptop => &[PRIVATE_NETWORK, "172.16.0.0/12", "192.168.0.0/16"],
            Self::Cloud => &[PRIVATE_NETWORK],
        }
    }

    /// Who of ours adds to `X-Forwarded-For`: CloudFront or the internal balancer, and APISIX.
    fn proxies(self) -> u8 {
        match self {
            Self::Laptop => 1,
            Self::Cloud => 2,
        }
    }
}

/// A variable whose value is a secret, and the key that the secret has it under.
pub(super) struct Secret {
    pub variable: &'static str,
    pub key: String,
    /// The database whose URL it is.
    pub database: Option<String>,
}

/// The settings that every service of a deployment shares; `host` is the name by which middleware is reached there.
pub(super) fn file(place: Place, domains: &Settings, view: View<'_>, host: impl Fn(&Middleware) -> String) -> String {
    let aliases: Vec<String> = domains.public_aliases.iter().map(|alias| format!("{alias:?}")).collect();
    let mut text = format!(
        "{MARK}\n\
         # Secrets are not here: they come as variables (deploy/README.md).\n\
         \n\
         [node]\n\
         data = \"{DATA}\"\n\
         addressing = \"cluster\"\n\
         \n\
         [health]\n\
         listen = \"0.0.0.0:{HEALTH_PORT}\"\n\
         \n\
         [topology]\n\
         public_domain = \"{}\"\n\
         public_aliases = [{}]\n\
         internal_domain = \"{}\"\n\
         \n\
         [telemetry]\n\
         format = \"json\"\n",
        domains.public_domain,
        aliases.join(", "),
        domains.internal_domain,
    );
    let is_cache = |one: &&Middleware| Engine::of(one) == Engine::Redis && one.domain == "spot";
    if let Some(cache) = arrows::middleware_in_use(view).into_iter().find(is_cache) {
        write!(text, "\n[cache]\nspot_url = \"redis://{}:{}\"\n", host(cache), port(cache))
            .expect("writing to a string does not fail");
    }
    let quoted: Vec<String> = place.gateways().iter().map(|network| format!("\"{network}\"")).collect();
    let trusted = format!("trusted_peers = [\"127.0.0.0/8\", {}]", quoted.join(", "));
    let proxies = format!("proxies = {}", place.proxies());
    // Services that believe the gateway's word on where a request comes from.
    let sections = [
        ("landry-spotapi-web", "spotapi", &trusted),
        ("landry-spotws-web", "spotws", &trusted),
        ("landry-userserver-web", "users", &proxies),
    ];
    for (service, section, line) in sections {
        if view.built.contains(service) {
            write!(text, "\n[{section}]\n{line}\n").expect("writing to a string does not fail");
        }
    }
    text
}

/// The secrets of a service.
pub(super) fn secrets(view: View<'_>, service: &Service) -> Vec<Secret> {
    let token = Secret { variable: "ALLIN_NODE__TOKEN", key: "internal-token".to_owned(), database: None };
    let databases = arrows::middleware(view, service).into_iter().filter_map(secret);
    std::iter::once(token).chain(databases).collect()
}

fn secret(one: &Middleware) -> Option<Secret> {
    let variable = match (Engine::of(one), one.domain.as_str()) {
        (Engine::Sql, "spot") => "ALLIN_STORE__SPOT_URL",
        (Engine::Sql, _) => "ALLIN_STORE__FUTURES_URL",
        (Engine::Redis | Engine::Kafka | Engine::Etcd, _) => return None,
    };
    Some(Secret { variable, key: format!("{}-url", one.id), database: Some(one.id.clone()) })
}
