//! How a service is reached: its Service, and one of type LoadBalancer where the edge balances onto it besides.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{object, selector};
use crate::model::{Exposure, Port, Service};

pub(super) fn documents(service: &Service) -> Vec<Value> {
    if service.ports.is_empty() {
        return Vec::new();
    }
    let node = service.ports.iter().any(|port| port.exposure == Exposure::NodePort);
    let kind = if node { "NodePort" } else { "ClusterIP" };
    let ports: Vec<Value> = service.ports.iter().map(own_port).collect();
    let spec = json!({ "type": kind, "selector": selector(&service.name), "ports": ports });
    let mut documents = vec![object("v1", "Service", &service.namespace, &service.name, json!({ "spec": spec }))];
    documents.extend(balancers(service));
    documents
}

fn own_port(port: &Port) -> Value {
    let mut value = json!({ "name": port.name, "port": port.port, "targetPort": port.name, "protocol": "TCP" });
    if let Some(node_port) = port.node_port {
        value["nodePort"] = node_port.into();
    }
    value
}

/// The balancers of the edge that lead to the service past the gateway.
fn balancers(service: &Service) -> Vec<Value> {
    let mut by_name: BTreeMap<&str, &Port> = BTreeMap::new();
    for port in &service.ports {
        if let Some(name) = &port.load_balancer {
            by_name.insert(name, port);
        }
    }
    let balancer = |(name, port): (&str, &Port)| {
        // Its two ports lead to one: TLS ended before it.
        let ports: Vec<Value> = [("http", 80), ("https", 443)]
            .into_iter()
            .map(|(word, number)| json!({ "name": word, "port": number, "targetPort": port.name, "protocol": "TCP" }))
            .collect();
        let spec = json!({
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "selector": selector(&service.name),
            "ports": ports,
        });
        object("v1", "Service", &service.namespace, name, json!({ "spec": spec }))
    };
    by_name.into_iter().map(balancer).collect()
}
