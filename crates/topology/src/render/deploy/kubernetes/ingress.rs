//! The routes once more, for ingress-nginx: an Ingress a namespace for calls, and one for streams, which stay open.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{object, policy};
use crate::{
    model::Service,
    render::{
        View,
        apisix::route_hosts,
        deploy::{arrows, built, http_port},
    },
};

/// The class that the controller takes for its own.
const CLASS: &str = "nginx";
/// The controller's namespace, and the label of its pods.
const CONTROLLER_NAMESPACE: &str = "morph";
const CONTROLLER: &str = "ingress-nginx";

/// Paths by host.
type Rules = BTreeMap<String, Vec<Value>>;

pub(super) fn documents(view: View<'_>) -> Vec<Value> {
    let mut documents = Vec::new();
    for namespace in &view.topology.namespaces {
        for (suffix, websocket) in [("calls", false), ("streams", true)] {
            let rules = rules(view, &namespace.name, websocket);
            if !rules.is_empty() {
                documents.push(ingress(&namespace.name, suffix, websocket, rules));
            }
        }
    }
    documents.extend(built(view).filter_map(|service| from_controller(view, service)));
    documents
}

fn rules(view: View<'_>, namespace: &str, websocket: bool) -> Rules {
    let mut rules = Rules::new();
    for route in &view.topology.routes {
        let there = route.upstream.namespace == namespace && view.built.contains(route.upstream.service.as_str());
        if there && route.websocket == websocket {
            for host in route_hosts(view.topology, route) {
                let path = path(&route.path, &route.upstream.service, route.upstream.port);
                rules.entry(host).or_default().push(path);
            }
        }
    }
    let by_name = built(view).filter(|service| service.namespace == namespace && !websocket);
    for service in by_name {
        if let Some(port) = http_port(service) {
            let host = format!("{}.{}", service.name, view.topology.settings.internal_domain);
            rules.entry(host).or_default().push(path("/*", &service.name, port));
        }
    }
    rules
}

/// nginx takes a path without a type of its own for a prefix of bytes, as the routes mean it.
fn path(path: &str, service: &str, port: u16) -> Value {
    let (path, kind) = match path.strip_suffix('*') {
        Some(prefix) => (prefix, "ImplementationSpecific"),
        None => (path, "Exact"),
    };
    let backend = json!({ "service": { "name": service, "port": { "number": port } } });
    json!({ "path": path, "pathType": kind, "backend": backend })
}

fn ingress(namespace: &str, suffix: &str, websocket: bool, rules: Rules) -> Value {
    let name = format!("{namespace}-{suffix}");
    let rules: Vec<Value> =
        rules.into_iter().map(|(host, paths)| json!({ "host": host, "http": { "paths": paths } })).collect();
    let spec = json!({ "ingressClassName": CLASS, "rules": rules });
    let mut document = object("networking.k8s.io/v1", "Ingress", namespace, &name, json!({ "spec": spec }));
    let annotation = |name: &str| format!("nginx.ingress.kubernetes.io/{name}");
    let mut annotations = json!({ annotation("ssl-redirect"): "false", annotation("proxy-body-size"): "12m" });
    if websocket {
        annotations[annotation("proxy-read-timeout")] = "3600".into();
        annotations[annotation("proxy-send-timeout")] = "3600".into();
    }
    // A request is never sent twice: it may be an order.
    annotations[annotation("proxy-next-upstream")] = "off".into();
    document["metadata"]["annotations"] = annotations;
    document
}

/// Lets the controller in where its rules lead.
fn from_controller(view: View<'_>, service: &Service) -> Option<Value> {
    let ports = arrows::gateway_ports(view, service);
    if ports.is_empty() {
        return None;
    }
    let controller = json!({
        "namespaceSelector": policy::namespace_labels(CONTROLLER_NAMESPACE),
        "podSelector": { "matchLabels": super::selector(CONTROLLER) },
    });
    let spec = json!({
        "podSelector": { "matchLabels": super::selector(&service.name) },
        "policyTypes": ["Ingress"],
        "ingress": [{ "from": [controller], "ports": policy::ports(ports) }],
    });
    Some(policy::policy(&service.namespace, &format!("{}-ingress", service.name), spec))
}
