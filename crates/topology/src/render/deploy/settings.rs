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

    /// Replicas of a topic, and how many of them must have a record.
    fn copies(self) -> (u8, u8) {
        match self {
            Self::Laptop => (1, 1),
            Self::Cloud => (3, 2),
        }
    }

    /// The members of an etcd, each by its own name, so that one that hangs is passed over.
    fn members(self, host: &str) -> Vec<String> {
        match (self, host.split_once('.')) {
            (Self::Cloud, Some((label, domain))) => (0..3).map(|index| format!("{label}-{index}.{domain}")).collect(),
            _ => vec![host.to_owned()],
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
    text.push_str(&log(place, view, host));
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

/// The operation log of spot in Kafka, and etcd, by which its leader and stand-by agree.
fn log(place: Place, view: View<'_>, host: impl Fn(&Middleware) -> String) -> String {
    let in_use = arrows::middleware_in_use(view);
    let mut text = String::new();
    if let Some(kafka) = in_use.iter().find(|one| Engine::of(one) == Engine::Kafka && one.domain == "spot") {
        let (replication, min_insync) = place.copies();
        write!(
            text,
            "\n[log]\n\
             kind = \"kafka\"\n\
             \n\
             [kafka]\n\
             brokers = \"{}:{}\"\n\
             operlog_topic = \"{{shard}}-operlog\"\n\
             create_topics = {}\n\
             replication = {replication}\n\
             min_insync = {min_insync}\n",
            host(kafka),
            port(kafka),
            place == Place::Laptop,
        )
        .expect("writing to a string does not fail");
    }
    if let Some(etcd) = in_use.iter().find(|one| Engine::of(one) == Engine::Etcd) {
        let members = place.members(&host(etcd));
        let urls: Vec<String> = members.iter().map(|member| format!("http://{member}:{}", port(etcd))).collect();
        write!(text, "\n[etcd]\nendpoints = \"{}\"\n", urls.join(",")).expect("writing to a string does not fail");
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
