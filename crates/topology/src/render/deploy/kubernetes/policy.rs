//! Who may talk to whom: nobody, but for the arrows of the topology.

use serde_json::{Value, json};

use super::{object, selector};
use crate::{
    model::{Exposure, Service, Topology},
    render::{
        View,
        deploy::{EDGE, arrows, middleware, settings::PRIVATE_NETWORK},
    },
};

/// The gateway's pods.
pub(super) const GATEWAY: &str = "apisix";

/// In every namespace: nothing but names may be asked for.
pub(super) fn of_namespaces(topology: &Topology) -> Vec<Value> {
    let mut documents = Vec::new();
    for namespace in &topology.namespaces {
        let deny = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
        documents.push(policy(&namespace.name, "default-deny", deny));
        let dns = json!({
            "to": [{
                "namespaceSelector": namespace_labels("kube-system"),
                "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
            }],
            "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }],
        });
        let names = json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": [dns] });
        documents.push(policy(&namespace.name, "names", names));
    }
    documents
}

/// The arrows that begin or end at a service.
pub(super) fn of_service(view: View<'_>, service: &Service) -> Value {
    let spec = json!({
        "podSelector": { "matchLabels": selector(&service.name) },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress(view, service),
        "egress": egress(view, service),
    });
    policy(&service.namespace, &service.name, spec)
}

fn ingress(view: View<'_>, service: &Service) -> Vec<Value> {
    let mut rules = Vec::new();
    let callers: Vec<Value> =
        arrows::callers(view, service).into_iter().map(|one| pods(&one.namespace, &one.name)).collect();
    if !callers.is_empty() && !service.ports.is_empty() {
        rules.push(json!({ "from": callers, "ports": all_ports(service) }));
    }
    let led_to = arrows::gateway_ports(view, service);
    if !led_to.is_empty() {
        rules.push(json!({ "from": [pods(EDGE, GATEWAY)], "ports": ports(led_to) }));
    }
    // A port of the nodes, and what a load balancer leads to, are for whoever reaches them.
    let open = |port: &&crate::model::Port| port.exposure == Exposure::NodePort || port.load_balancer.is_some();
    let open: Vec<u16> = service.ports.iter().filter(open).map(|port| port.port).collect();
    if !open.is_empty() {
        rules.push(json!({ "ports": ports(open) }));
    }
    rules
}

fn egress(view: View<'_>, service: &Service) -> Vec<Value> {
    let mut rules: Vec<Value> = arrows::callees(view, service)
        .into_iter()
        .map(|one| json!({ "to": [pods(&one.namespace, &one.name)], "ports": all_ports(one) }))
        .collect();
    // Middleware has no pods, and a policy knows no names: its ports on the private network.
    let mut numbers: Vec<u16> = arrows::middleware(view, service).into_iter().map(middleware::port).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if !numbers.is_empty() {
        rules.push(json!({ "to": [private_network()], "ports": ports(numbers) }));
    }
    rules
}

pub(super) fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, json!({ "spec": spec }))
}

/// The pods of a service, wherever they are.
pub(super) fn pods(namespace: &str, name: &str) -> Value {
    json!({ "namespaceSelector": namespace_labels(namespace), "podSelector": { "matchLabels": selector(name) } })
}

pub(super) fn namespace_labels(name: &str) -> Value {
    json!({ "matchLabels": { "kubernetes.io/metadata.name": name } })
}

pub(super) fn private_network() -> Value {
    json!({ "ipBlock": { "cidr": PRIVATE_NETWORK } })
}

pub(super) fn ports(numbers: impl IntoIterator<Item = u16>) -> Vec<Value> {
    numbers.into_iter().map(|port| json!({ "protocol": "TCP", "port": port })).collect()
}

fn all_ports(service: &Service) -> Vec<Value> {
    ports(service.ports.iter().map(|port| port.port))
}
