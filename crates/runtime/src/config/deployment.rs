//! The topology as this deployment has it: its domains and addresses laid over topology.yaml.

use allin_topology::{Addresses, Settings as Domains, Topology, TopologyError};

use crate::config::{ConfigError, PortsSection, Section, Settings, TopologySection};

/// The topology, and where its ports are served here.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The topology under this deployment's domains.
    pub topology: Topology,
    /// Where each port is served.
    pub addresses: Addresses,
}

impl Deployment {
    /// Reads `[topology]` and `[ports]`.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let domains: TopologySection = settings.section()?;
        let ports: PortsSection = settings.section()?;
        let topology = Topology::embedded().with_settings(Domains {
            public_domain: domains.public_domain,
            public_aliases: domains.public_aliases,
            internal_domain: domains.internal_domain,
        });
        let addresses = Addresses::new(&topology, &ports.0).map_err(|error| {
            let key = match &error {
                TopologyError::UnknownPort { key } => format!("{}.{key}", PortsSection::NAME),
                _ => PortsSection::NAME.to_owned(),
            };
            settings.refuse(key, error.to_string())
        })?;
        Ok(Self { topology, addresses })
    }
}
