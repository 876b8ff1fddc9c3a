//! Where the all-in-one serves each port.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::{Ipv4Addr, SocketAddr},
};

use crate::{error::TopologyError, model::Topology};

/// The first port given out on systems whose loopback interface has one address only.
const FIRST_PORT_ELSEWHERE: u16 = 17_300;

/// The address of every port of every service.
///
/// On Linux all of 127.0.0.0/8 is the loopback interface, so a service has an address of its own and its ports are the
/// topology's. Elsewhere all ports share 127.0.0.1, and are numbered in the order of the topology, so that they are the
/// same at every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    by_port: BTreeMap<(String, u16), SocketAddr>,
}

impl Addresses {
    /// Addresses on this system, with an operator's overrides: `<service>.<port>` → address.
    pub fn new(topology: &Topology, overrides: &BTreeMap<String, SocketAddr>) -> Result<Self, TopologyError> {
        Self::on(cfg!(target_os = "linux"), topology, overrides)
    }

    fn on(linux: bool, topology: &Topology, overrides: &BTreeMap<String, SocketAddr>) -> Result<Self, TopologyError> {
        let mut by_port = BTreeMap::new();
        let mut next = FIRST_PORT_ELSEWHERE;
        for service in &topology.services {
            let ports = service.ports.iter().map(|port| port.port);
            let sidecars = service.sidecars.iter().map(|sidecar| sidecar.port);
            for port in ports.chain(sidecars) {
                let address = if linux {
                    SocketAddr::from((service.address, port))
                } else {
                    SocketAddr::from((Ipv4Addr::LOCALHOST, next))
                };
                next += 1;
                by_port.insert((service.name.clone(), port), address);
            }
        }
        for (key, address) in overrides {
            let unknown = || TopologyError::UnknownPort { key: key.clone() };
            let (service, port) = key.rsplit_once('.').ok_or_else(unknown)?;
            let port: u16 = port.parse().map_err(|_| unknown())?;
            let slot = by_port.get_mut(&(service.to_owned(), port));
            *slot.ok_or_else(unknown)? = *address;
        }
        let addresses = Self { by_port };
        addresses.refuse_doubles()?;
        Ok(addresses)
    }

    /// Where a port of a service is served; `None` if the topology has no such port.
    pub fn of(&self, service: &str, port: u16) -> Option<SocketAddr> {
        self.by_port.get(&(service.to_owned(), port)).copied()
    }

    /// Port 0 asks the system for any free port, so it may be there more than once.
    fn refuse_doubles(&self) -> Result<(), TopologyError> {
        let mut seen: BTreeMap<SocketAddr, &(String, u16)> = BTreeMap::new();
        for (key, address) in self.by_port.iter().filter(|(_, one)| one.port() != 0) {
            match seen.entry(*address) {
                Entry::Vacant(slot) => {
                    slot.insert(key);
                }
                Entry::Occupied(first) => {
                    let text = |(service, port): &(String, u16)| format!("{service}.{port}");
                    return Err(TopologyError::AddressTaken {
                        first: text(first.get()),
                        second: text(key),
                        address: *address,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_every_port_is_distinct_on_the_one_loopback_address() {
        let addresses = Addresses::on(false, Topology::embedded(), &BTreeMap::new()).unwrap();
        assert!(addresses.by_port.len() > 60);
        assert!(addresses.by_port.values().all(|one| one.ip() == Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn an_override_must_name_a_port_and_a_free_address() {
        let over = |key: &str, address: &str| {
            let overrides = BTreeMap::from([(key.to_owned(), address.parse().unwrap())]);
            Addresses::on(true, Topology::embedded(), &overrides)
        };
        let moved = over("landry-ces-accesshttp.8080", "127.0.0.1:18080").unwrap();
        assert_eq!(moved.of("landry-ces-accesshttp", 8080), Some("127.0.0.1:18080".parse().unwrap()));
        let unknown = over("landry-ces-accesshttp.8081", "127.0.0.1:18080");
        assert!(matches!(unknown, Err(TopologyError::UnknownPort { .. })));
        let taken = over("landry-ces-accesshttp.8080", "127.20.1.19:7316");
        assert!(matches!(taken, Err(TopologyError::AddressTaken { .. })));
    }
}
