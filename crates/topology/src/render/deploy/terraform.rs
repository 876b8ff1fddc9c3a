//! `deploy/terraform/topology.tf.json`: what the hand-written files have to know of the topology, as locals.

use serde_json::{Map, Value, json};

use super::{GATEWAY_PORT, MARK, built, middleware};
use crate::{
    model::{EdgeHop, Exposure},
    render::View,
};

pub(super) fn render(view: View<'_>) -> String {
    let topology = view.topology;
    let locals = json!({
        "topology_public_domain": topology.settings.public_domain,
        "topology_public_aliases": topology.settings.public_aliases,
        "topology_internal_domain": topology.settings.internal_domain,
        "topology_edge": edge(topology.edge.iter().filter(|hop| hop.kind == "alb" || hop.kind == "nlb")),
        "topology_middleware": middleware_of(view),
        "topology_node_ports": node_ports(view),
    });
    let mut document = json!({
        "//": MARK.trim_start_matches("# "),
        "locals": locals,
    });
    document.sort_all_objects();
    let mut text = serde_json::to_string_pretty(&document).expect("a tree of plain values is JSON");
    text.push('\n');
    text
}

fn edge<'a>(hops: impl Iterator<Item = &'a EdgeHop>) -> Value {
    let hops = hops.map(|hop| {
        let target = hop.forwards_to.first().and_then(|target| target.split_once(':'));
        let port = target.and_then(|(_, port)| port.parse().ok()).unwrap_or(GATEWAY_PORT);
        let value = json!({
            "internal": hop.scheme.as_deref() == Some("internal"),
            "ports": hop.ports,
            "target_port": port,
        });
        (hop.name.clone(), value)
    });
    Value::Object(hops.collect())
}

fn middleware_of(view: View<'_>) -> Value {
    let entries = view.topology.middleware.iter().map(|one| {
        let label = one.host.strip_suffix(".{internal_domain}").unwrap_or(&one.host);
        let value = json!({
            "label": label,
            "kind": format!("{:?}", middleware::Engine::of(one)).to_lowercase(),
            "port": middleware::port(one),
            "domain": one.domain,
            // Hosts of ours, and not a service of the cloud's.
            "self_managed": one.kind.contains("self-managed") || middleware::Engine::of(one) == middleware::Engine::Etcd,
        });
        (one.id.clone(), value)
    });
    Value::Object(entries.collect::<Map<String, Value>>())
}

/// Ports of the nodes that operators reach.
fn node_ports(view: View<'_>) -> Value {
    let mut ports = Map::new();
    for service in built(view) {
        for port in service.ports.iter().filter(|port| port.exposure == Exposure::NodePort) {
            ports.insert(format!("{}:{}", service.name, port.port), json!(port.node_port));
        }
    }
    Value::Object(ports)
}
