//! Writes a topology down: for a terminal, for mermaid, for programs, for SERVICES.md, for the gateway, for deploy/.

mod apisix;
mod deploy;
mod json;
mod markdown;
mod mermaid;
mod table;

use std::collections::BTreeSet;

pub use deploy::{File, is_generated};

use crate::{
    address::Addresses,
    model::{Exposure, Port, Service, Topology},
};

/// What is written down: the topology, and what the program adds to it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The topology.
    pub topology: &'a Topology,
    /// The services that the program contains.
    pub built: &'a BTreeSet<&'a str>,
    /// Where their ports are served.
    pub addresses: &'a Addresses,
}

impl View<'_> {
    /// Columns for a terminal.
    pub fn table(self) -> String {
        table::render(self)
    }

    /// A flow chart.
    pub fn mermaid(self) -> String {
        mermaid::render(self)
    }

    /// One object for programs.
    pub fn json(self) -> String {
        json::render(self)
    }

    /// The text of SERVICES.md.
    pub fn markdown(self) -> String {
        markdown::render(self)
    }

    /// The gateway's table, deploy/apisix/apisix.yaml.
    pub fn apisix(self) -> String {
        apisix::render(self.topology)
    }

    /// The base of deploy/kubernetes, as one stream.
    pub fn kubernetes(self) -> String {
        deploy::kubernetes_base(self)
    }

    /// The laptop's deploy/compose/compose.yaml.
    pub fn compose(self) -> String {
        deploy::compose_file(self)
    }

    /// What Terraform has to know, deploy/terraform/topology.tf.json.
    pub fn terraform(self) -> String {
        deploy::terraform_locals(self)
    }

    /// Every generated file of the repository.
    pub fn files(self) -> Vec<File> {
        deploy::files(self)
    }

    fn is_built(self, service: &Service) -> bool {
        self.built.contains(service.name.as_str())
    }
}

/// The gateway's table in APISIX's standalone form; it does not depend on what is built.
pub fn apisix(topology: &Topology) -> String {
    apisix::render(topology)
}

/// A port as the topology's tables write it: `8080→30864`.
fn port_text(port: &Port) -> String {
    match port.node_port {
        Some(node_port) => format!("{}→{node_port}", port.port),
        None => port.port.to_string(),
    }
}

/// How a service is exposed, with its ports.
fn exposure_text(service: &Service) -> String {
    let mut parts = Vec::new();
    for (exposure, word) in [(Exposure::ClusterIP, "ClusterIP"), (Exposure::NodePort, "NodePort")] {
        let ports: Vec<String> = service.ports.iter().filter(|port| port.exposure == exposure).map(port_text).collect();
        if !ports.is_empty() {
            parts.push(format!("{word} {}", ports.join(", ")));
        }
    }
    let balancers = service.ports.iter().filter_map(|port| port.load_balancer.as_deref());
    parts.extend(balancers.map(|name| format!("NLB {name}")));
    parts.extend(service.sidecars.iter().map(|sidecar| format!("{} {}", sidecar.name, sidecar.port)));
    if parts.is_empty() {
        return "none".to_owned();
    }
    parts.join("; ")
}
