//! The topology as this deployment has it: its domains and addresses laid over topology.yaml.

use allin_topology::{Addresses, GATEWAY, INSTANCES_MAX, Settings as Domains, Topology, TopologyError};

use crate::config::{
    Addressing, ConfigError, InstancesSection, NodeSection, PortsSection, Section, Settings, TopologySection,
};

/// The topology, and where its ports are served here.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The topology under this deployment's domains.
    pub topology: Topology,
    /// Where each port is served.
    pub addresses: Addresses,
    /// How many processes there are of each service.
    pub instances: InstancesSection,
}

impl Deployment {
    /// Reads `[topology]`, `[ports]`, `[instances]`, and how this node reaches others.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let domains: TopologySection = settings.section()?;
        let ports: PortsSection = settings.section()?;
        let topology = Topology::embedded().with_settings(Domains {
            public_domain: domains.public_domain,
            public_aliases: domains.public_aliases,
            internal_domain: domains.internal_domain,
        });
        let node: NodeSection = settings.section()?;
        let [first, second, ..] = node.loopback.octets();
        let addresses = Addresses::within([first, second], &topology, &ports.0).map_err(|error| {
            let key = match &error {
                TopologyError::UnknownPort { key } => format!("{}.{key}", PortsSection::NAME),
                _ => PortsSection::NAME.to_owned(),
            };
            settings.refuse(key, error.to_string())
        })?;
        let addresses = match node.addressing {
            Addressing::Loopback => addresses,
            Addressing::Cluster => addresses.in_cluster(&topology, &ports.0),
        };
        let instances: InstancesSection = settings.section()?;
        for (service, count) in &instances.0 {
            let refuse = |reason: String| settings.refuse(format!("{}.{service}", InstancesSection::NAME), reason);
            let scaled =
                topology.services.iter().filter(|one| one.scales).map(|one| one.name.as_str()).chain([GATEWAY]);
            if !scaled.clone().any(|name| name == service) {
                let scaled = scaled.collect::<Vec<_>>().join(", ");
                return Err(refuse(format!("runs once; these may run more often: {scaled}")));
            }
            if !(1..=INSTANCES_MAX).contains(count) {
                return Err(refuse(format!("{count} is not between 1 and {INSTANCES_MAX}")));
            }
        }
        Ok(Self { topology, addresses, instances })
    }
}
