//! One object for programs. Its keys are an interface: add, never rename.

use serde::Serialize;

use crate::{
    model::{Audience, EdgeHop, Exposure, Kind, Protocol, Settings},
    render::View,
};

#[derive(Serialize)]
struct Document<'a> {
    services: Vec<ServiceJson<'a>>,
    routes: Vec<RouteJson>,
    middleware: Vec<MiddlewareJson<'a>>,
    edge: Vec<EdgeHop>,
    settings: &'a Settings,
}

#[derive(Serialize)]
struct ServiceJson<'a> {
    name: &'a str,
    namespace: &'a str,
    kind: Kind,
    built: bool,
    role: &'a str,
    ports: Vec<PortJson<'a>>,
    sidecars: Vec<SidecarJson<'a>>,
    depends_on: &'a [String],
    feeds: &'a [String],
}

#[derive(Serialize)]
struct PortJson<'a> {
    port: u16,
    protocol: Protocol,
    address: String,
    name: &'a str,
    exposure: Exposure,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<&'a str>,
}

#[derive(Serialize)]
struct SidecarJson<'a> {
    name: &'a str,
    port: u16,
    protocol: Protocol,
    address: String,
}

#[derive(Serialize)]
struct RouteJson {
    hosts: Vec<String>,
    path: String,
    upstream: String,
    websocket: bool,
    audience: Audience,
    by_name: bool,
}

#[derive(Serialize)]
struct MiddlewareJson<'a> {
    name: String,
    id: &'a str,
    kind: &'a str,
    domain: &'a str,
    namespace: &'a str,
    host: String,
    port: Option<u16>,
}

pub(super) fn render(view: View<'_>) -> String {
    let topology = view.topology;
    let settings = &topology.settings;
    let resolve = |hosts: &[String]| hosts.iter().map(|host| settings.resolve(host)).collect();
    let routes = topology.routes.iter().map(|route| RouteJson {
        hosts: resolve(&route.hosts),
        path: route.path.clone(),
        upstream: route.upstream.to_string(),
        websocket: route.websocket,
        audience: route.audience,
        by_name: route.by_name,
    });
    let middleware = topology.middleware.iter().map(|one| MiddlewareJson {
        name: one.name(settings),
        id: &one.id,
        kind: &one.kind,
        domain: &one.domain,
        namespace: &one.namespace,
        host: settings.resolve(&one.host),
        port: one.port,
    });
    let edge = topology.edge.iter().map(|hop| EdgeHop { hosts: resolve(&hop.hosts), ..hop.clone() });
    let document = Document {
        services: services(view),
        routes: routes.collect(),
        middleware: middleware.collect(),
        edge: edge.collect(),
        settings,
    };
    let mut text = serde_json::to_string_pretty(&document).expect("strings and numbers serialise");
    text.push('\n');
    text
}

fn services(view: View<'_>) -> Vec<ServiceJson<'_>> {
    let address = |service: &str, port| {
        let address = view.addresses.of(service, port);
        address.expect("every port has an address").to_string()
    };
    view.topology
        .services
        .iter()
        .map(|service| ServiceJson {
            name: &service.name,
            namespace: &service.namespace,
            kind: service.kind,
            built: view.is_built(service),
            role: &service.role,
            ports: service
                .ports
                .iter()
                .map(|port| PortJson {
                    port: port.port,
                    protocol: port.protocol,
                    address: address(&service.name, port.port),
                    name: &port.name,
                    exposure: port.exposure,
                    node_port: port.node_port,
                    load_balancer: port.load_balancer.as_deref(),
                })
                .collect(),
            sidecars: service
                .sidecars
                .iter()
                .map(|sidecar| SidecarJson {
                    name: &sidecar.name,
                    port: sidecar.port,
                    protocol: sidecar.protocol,
                    address: address(&service.name, sidecar.port),
                })
                .collect(),
            depends_on: &service.depends_on,
            feeds: &service.feeds,
        })
        .collect()
}
