//! Reading the file, and looking things up in it.

use std::sync::LazyLock;

use crate::{
    address::DEMO,
    error::TopologyError,
    model::{Middleware, Port, Service, Settings, Topology},
    validate::faults,
};

/// Whom the demonstration's maker calls.
const FUNDED_BY_DEMO: &str = "landry-ces-matchengine";

const TEXT: &str = include_str!("../../../topology.yaml");

static EMBEDDED: LazyLock<Topology> = LazyLock::new(|| {
    // The text is part of the program and a test parses it, so a failure here is our own bug.
    Topology::parse(TEXT).expect("the embedded topology.yaml is valid")
});

impl Topology {
    /// The topology that this program was built with.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Reads and validates a topology.
    pub fn parse(text: &str) -> Result<Self, TopologyError> {
        let topology: Self = serde_saphyr::from_str(text).map_err(|error| TopologyError::Parse(error.to_string()))?;
        let faults = faults(&topology);
        if faults.is_empty() { Ok(topology) } else { Err(TopologyError::Inconsistent(faults)) }
    }

    /// The same topology under other domains.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        Self { settings, ..self.clone() }
    }

    /// The service of this whole name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Whether a process may call a service: only along the arrows. The demonstration's maker is no service; it funds its house.
    pub fn has_arrow(&self, caller: &str, service: &str) -> bool {
        let depends = |caller: &Service| caller.depends_on.iter().any(|name| name == service);
        self.service(caller).is_some_and(depends) || (caller == DEMO && service == FUNDED_BY_DEMO)
    }

    /// The middleware of this id.
    pub fn middleware(&self, id: &str) -> Option<&Middleware> {
        self.middleware.iter().find(|one| one.id == id)
    }
}

impl Service {
    /// The name by which a cluster's DNS knows it.
    pub fn cluster_name(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.name, self.namespace)
    }

    /// The port with this number.
    pub fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.port == number)
    }

    /// The port with this name.
    pub fn port_named(&self, name: &str) -> Option<&Port> {
        self.ports.iter().find(|port| port.name == name)
    }
}
