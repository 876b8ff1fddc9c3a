//! The gateway's table in APISIX's standalone form (apisix.yaml), for a real APISIX and for the gateway of this program.
//!
//! All routes of the topology are there, those to services that are not built included: asking for them is answered by
//! the gateway. A service with an HTTP port has one more, by its name under the internal domain.

use std::fmt::{self, Write};

use super::deploy::MARK;
use crate::model::{Protocol, Route, Service, Topology};

/// What browsers are told on the API's hosts: keys are sent in a header of their own, never in a cookie.
const CORS: &str =
    "{ allow_origins: \"*\", allow_methods: \"GET,POST,PUT,DELETE,OPTIONS\", allow_headers: \"*\", max_age: 600 }";

pub(super) fn render(topology: &Topology) -> String {
    let mut text = String::new();
    write(topology, &mut text).expect("writing to a string does not fail");
    text
}

fn write(topology: &Topology, out: &mut String) -> fmt::Result {
    writeln!(out, "{MARK}")?;
    writeln!(out, "routes:")?;
    let mut number = 0;
    for route in &topology.routes {
        number += 1;
        let name = format!("{}{}", label(&route.hosts[0]), route.path);
        let service = topology.service(&route.upstream.service).expect("a valid topology's upstreams are services");
        let entry = Entry {
            name,
            uri: &route.path,
            hosts: route_hosts(topology, route),
            websocket: route.websocket,
            cors: route.hosts.iter().any(|host| host.starts_with("api.")),
            service,
            port: route.upstream.port,
        };
        entry.write(number, out)?;
    }
    for service in &topology.services {
        let Some(port) = service.ports.iter().find(|port| port.protocol == Protocol::Http) else { continue };
        number += 1;
        let entry = Entry {
            name: format!("{} by name", service.name),
            uri: "/*",
            hosts: vec![format!("{}.{}", service.name, topology.settings.internal_domain)],
            websocket: false,
            cors: false,
            service,
            port: port.port,
        };
        entry.write(number, out)?;
    }
    // APISIX takes a file for whole only with this mark.
    writeln!(out, "#END")
}

struct Entry<'a> {
    name: String,
    uri: &'a str,
    hosts: Vec<String>,
    websocket: bool,
    cors: bool,
    service: &'a Service,
    port: u16,
}

impl Entry<'_> {
    fn write(&self, number: usize, out: &mut String) -> fmt::Result {
        let quoted: Vec<String> = self.hosts.iter().map(|host| format!("\"{host}\"")).collect();
        writeln!(out, "  - id: \"{number}\"")?;
        writeln!(out, "    name: \"{}\"", self.name)?;
        writeln!(out, "    uris: [\"{}\"]", self.uri)?;
        writeln!(out, "    hosts: [{}]", quoted.join(", "))?;
        if self.websocket {
            writeln!(out, "    enable_websocket: true")?;
        }
        writeln!(out, "    plugins:")?;
        writeln!(out, "      request-id: {{}}")?;
        writeln!(out, "      prometheus: {{}}")?;
        if self.cors {
            writeln!(out, "      cors: {CORS}")?;
        }
        writeln!(out, "    upstream:")?;
        writeln!(out, "      type: roundrobin")?;
        writeln!(out, "      scheme: http")?;
        writeln!(out, "      nodes: {{ \"{}:{}\": 1 }}", self.service.cluster_name(), self.port)
    }
}

/// The first label of a host, for a name that people read.
fn label(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

/// All hosts of a route: a public one is also there under each further public domain.
pub(super) fn route_hosts(topology: &Topology, route: &Route) -> Vec<String> {
    let settings = &topology.settings;
    let mut all = Vec::new();
    for host in &route.hosts {
        all.push(settings.resolve(host));
        if host.contains("{public_domain}") {
            all.extend(settings.public_aliases.iter().map(|alias| host.replace("{public_domain}", alias)));
        }
    }
    all
}
