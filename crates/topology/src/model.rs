//! The data model of `topology.yaml`, field by field.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// Everything that the file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Domains, which an operator may change.
    pub settings: Settings,
    /// Namespaces in the order of their networks.
    pub namespaces: Vec<Namespace>,
    /// What a request passes before it reaches a route.
    pub edge: Vec<EdgeHop>,
    /// The routes of the gateway.
    pub routes: Vec<Route>,
    /// All services, built or not.
    pub services: Vec<Service>,
    /// Databases, caches, brokers.
    pub middleware: Vec<Middleware>,
}

/// Domains: the values that `{public_domain}` and `{internal_domain}` stand for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where users come in.
    pub public_domain: String,
    /// Further public domains with the same meaning.
    #[serde(default)]
    pub public_aliases: Vec<String>,
    /// Where operators and services come in; never reachable from the public side.
    pub internal_domain: String,
}

impl Settings {
    /// Puts the domains into a host of the file.
    pub fn resolve(&self, host: &str) -> String {
        host.replace("{public_domain}", &self.public_domain).replace("{internal_domain}", &self.internal_domain)
    }
}

/// A group of services and its loopback network 127.20.`network`.0.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// The name that its services' names begin with.
    pub name: String,
    /// What it is, in a word.
    pub title: String,
    /// The third byte of its services' addresses.
    pub network: u8,
}

/// One hop of the way in: DNS, CloudFront, a load balancer, the gateway.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeHop {
    /// Its name.
    pub name: String,
    /// `dns`, `cloudfront`, `alb`, `nlb` or `apisix`.
    pub kind: String,
    /// What it speaks to its clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// `internet-facing` or `internal`, for load balancers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Hosts that it answers for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Its loopback address in the all-in-one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// Ports that it listens on.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Next hops, `service:port`, or `routes` for the table.
    pub forwards_to: Vec<String>,
}

/// By which load balancer a route can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// From the internet.
    Public,
    /// From inside only.
    Internal,
    /// Each of its hosts by the side that its domain belongs to.
    Both,
}

/// One row of the gateway's table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Hosts, with settings still in braces; `*.` stands for any one label.
    pub hosts: Vec<String>,
    /// A path; a trailing `*` matches any rest.
    pub path: String,
    /// Where it leads.
    pub upstream: Upstream,
    /// Whether an upgrade to WebSocket is passed on.
    #[serde(default)]
    pub websocket: bool,
    /// Who may reach it.
    pub audience: Audience,
    /// The first label of the host may name a service, which is then reached instead of the upstream.
    #[serde(default)]
    pub by_name: bool,
}

/// `namespace/service:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The service's namespace.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// Its port.
    pub port: u16,
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, rest) = text.split_once('/').ok_or("write namespace/service:port")?;
        let (service, port) = rest.rsplit_once(':').ok_or("write namespace/service:port")?;
        let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        Ok(Self { namespace: namespace.to_owned(), service: service.to_owned(), port })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.service, self.port)
    }
}

impl<'de> Deserialize<'de> for Upstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Whether a service runs always or now and then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Runs always.
    #[default]
    Service,
    /// Runs on a schedule.
    Job,
}

/// A service, or a scheduled job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its whole name, beginning with its namespace.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it is for, in a line.
    pub role: String,
    /// Service or job.
    #[serde(default)]
    pub kind: Kind,
    /// The name is given by another project and does not begin with the namespace.
    #[serde(default)]
    pub foreign_name: bool,
    /// Its own loopback address in the all-in-one on Linux.
    pub address: Ipv4Addr,
    /// What it has on a disk of its own; such a service is a StatefulSet in a cluster.
    pub keeps: Option<String>,
    /// Whether any number of it may run side by side.
    #[serde(default)]
    pub scales: bool,
    /// When a job runs, as cron writes it, UTC.
    pub schedule: Option<String>,
    /// What a reader has to know beyond the fields.
    pub note: Option<String>,
    /// Its ports; none for jobs and for services that only consume.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Containers beside it in its pod.
    #[serde(default)]
    pub sidecars: Vec<Sidecar>,
    /// Services and middleware that it calls or reads.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Services that its data reaches without being asked.
    #[serde(default)]
    pub feeds: Vec<String>,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1, with WebSocket where a route says so.
    Http,
    /// HTTP over TLS.
    Https,
    /// gRPC over HTTP/2.
    Grpc,
    /// Bytes passed on as they are.
    Tcp,
}

impl Protocol {
    /// The word that the file uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
        }
    }
}

/// How a port is made reachable in the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Exposure {
    /// Inside the cluster.
    #[default]
    ClusterIP,
    /// On every node, at `node_port`.
    NodePort,
}

/// A port of a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The container's port.
    pub port: u16,
    /// What it is for, in a word; unique in the service.
    pub name: String,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// How it is made reachable.
    #[serde(default)]
    pub exposure: Exposure,
    /// The port on every node, for `NodePort`.
    pub node_port: Option<u16>,
    /// The hop of the edge that balances onto it besides.
    pub load_balancer: Option<String>,
}

/// A container beside a service in its pod.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
}

/// A database, cache, broker or registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Middleware {
    /// The word that `depends_on` uses.
    pub id: String,
    /// Spot or futures.
    pub domain: String,
    /// The namespace of the services that use it.
    pub namespace: String,
    /// What it is.
    pub kind: String,
    /// Its host, with settings still in braces.
    pub host: String,
    /// Its port where the deployment fixes one.
    pub port: Option<u16>,
}

impl Middleware {
    /// Its name as the deployment writes it: the host, and the port where one is fixed.
    pub fn name(&self, settings: &Settings) -> String {
        let host = settings.resolve(&self.host);
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}
