//! The services that this program contains: each namespace's registry, put together.

use std::collections::BTreeSet;

use allin_runtime::service::ServiceEntry;
use allin_topology::Topology;

/// All services that are built.
pub fn services() -> impl Iterator<Item = &'static ServiceEntry> {
    allin_landry::services().iter()
}

/// Their names.
pub fn built() -> BTreeSet<&'static str> {
    services().map(|service| service.name).collect()
}

/// Services that the code has and the topology lacks, or that the code has twice.
pub fn faults(topology: &Topology) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for service in services() {
        if topology.service(service.name).is_none() {
            faults.push(format!("{} is built, but topology.yaml has no such service", service.name));
        }
        if !seen.insert(service.name) {
            faults.push(format!("{} is registered twice", service.name));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_topology_name_the_same_services() {
        assert_eq!(faults(Topology::embedded()), Vec::<String>::new());
    }
}
