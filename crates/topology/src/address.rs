//! Where each port is served, and how others reach it.

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
///
/// A further instance of a service has the same port at an address of its own, on Linux: the namespace's number, the third
/// of the address, plus ten for each instance before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    by_port: BTreeMap<(String, u16), SocketAddr>,
    /// Of further instances, as far as an operator says where they are.
    by_instance: BTreeMap<(String, u16, u8), SocketAddr>,
    /// Every service's own address on the loopback interface; everybody's where that has one only.
    homes: BTreeMap<String, Ipv4Addr>,
    /// Names by which a cluster's DNS knows the ports; none where addresses are enough.
    names: BTreeMap<(String, u16), String>,
}

/// Names under which processes that are no service of the topology have their own address: the gateway, APISIX's, and the
/// demonstration's maker.
pub const GATEWAY: &str = "gateway";
pub const DEMO: &str = "demo";
const GATEWAY_HOME: [u8; 2] = [0, 5];
const DEMO_HOME: [u8; 2] = [0, 250];

/// The network in which topology.yaml has its addresses.
pub const NETWORK: [u8; 2] = [127, 20];
/// Most instances of a service on one machine.
pub const INSTANCES_MAX: u8 = 20;
/// Between the addresses of two instances, in their third number.
const INSTANCE_STEP: u8 = 10;

impl Addresses {
    /// Addresses on this system, with an operator's overrides: `<service>.<port>` → address; a further instance's are
    /// `<service>@<instance>.<port>`.
    pub fn new(topology: &Topology, overrides: &BTreeMap<String, SocketAddr>) -> Result<Self, TopologyError> {
        Self::within(NETWORK, topology, overrides)
    }

    /// The same in another network than topology.yaml's, so that a second exchange runs beside a first.
    pub fn within(
        network: [u8; 2],
        topology: &Topology,
        overrides: &BTreeMap<String, SocketAddr>,
    ) -> Result<Self, TopologyError> {
        Self::on(cfg!(target_os = "linux").then_some(network), topology, overrides)
    }

    /// The same in a cluster, where every service has a machine of its own, as it seems: its ports are served on all
    /// interfaces, and others reach them by the service's name. A port that an operator moved stays where he put it.
    #[must_use]
    pub fn in_cluster(mut self, topology: &Topology, overrides: &BTreeMap<String, SocketAddr>) -> Self {
        for (key, address) in &mut self.by_port {
            let (service, port) = key;
            if overrides.contains_key(&format!("{service}.{port}")) {
                continue;
            }
            *address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port));
            if let Some(service) = topology.service(service) {
                self.names.insert(key.clone(), format!("{}:{port}", service.cluster_name()));
            }
        }
        self
    }

    /// `network` is none where the loopback interface has one address only.
    fn on(
        network: Option<[u8; 2]>,
        topology: &Topology,
        overrides: &BTreeMap<String, SocketAddr>,
    ) -> Result<Self, TopologyError> {
        let (mut by_port, mut by_instance) = (BTreeMap::new(), BTreeMap::new());
        let mut next = FIRST_PORT_ELSEWHERE;
        let home = |address| network.map_or(Ipv4Addr::LOCALHOST, |network| moved(address, network));
        let further = [(GATEWAY, GATEWAY_HOME), (DEMO, DEMO_HOME)];
        let further = further.map(|(name, [third, fourth])| (name, Ipv4Addr::new(127, 0, third, fourth)));
        let services = topology.services.iter().map(|service| (service.name.as_str(), service.address));
        let homes = services.chain(further).map(|(name, address)| (name.to_owned(), home(address))).collect();
        for service in &topology.services {
            let ports = service.ports.iter().map(|port| port.port);
            let sidecars = service.sidecars.iter().map(|sidecar| sidecar.port);
            for port in ports.chain(sidecars) {
                let address = match network {
                    Some(network) => SocketAddr::from((moved(service.address, network), port)),
                    None => SocketAddr::from((Ipv4Addr::LOCALHOST, next)),
                };
                next += 1;
                by_port.insert((service.name.clone(), port), address);
            }
        }
        for (key, address) in overrides {
            let unknown = || TopologyError::UnknownPort { key: key.clone() };
            let (service, port) = key.rsplit_once('.').ok_or_else(unknown)?;
            let port: u16 = port.parse().map_err(|_| unknown())?;
            if let Some((service, instance)) = service.split_once('@') {
                let instance: u8 = instance.parse().map_err(|_| unknown())?;
                let known = by_port.contains_key(&(service.to_owned(), port));
                if !known || instance == 0 || instance >= INSTANCES_MAX {
                    return Err(unknown());
                }
                by_instance.insert((service.to_owned(), port, instance), *address);
                continue;
            }
            let slot = by_port.get_mut(&(service.to_owned(), port));
            *slot.ok_or_else(unknown)? = *address;
        }
        let addresses = Self { by_port, by_instance, homes, names: BTreeMap::new() };
        addresses.refuse_doubles()?;
        Ok(addresses)
    }

    /// Where a port of a service is served; `None` if the topology has no such port.
    pub fn of(&self, service: &str, port: u16) -> Option<SocketAddr> {
        self.by_port.get(&(service.to_owned(), port)).copied()
    }

    /// How another process reaches a port of a service, `host:port`.
    pub fn endpoint(&self, service: &str, port: u16) -> Option<String> {
        let name = self.names.get(&(service.to_owned(), port)).cloned();
        name.or_else(|| self.of(service, port).map(|address| address.to_string()))
    }

    /// Where a port of an instance of a service is served, counted from 0; none if the topology has no such port, or if it
    /// cannot be told: a port that was moved off its own loopback address has to be told for each instance.
    pub fn of_instance(&self, service: &str, port: u16, instance: u8) -> Option<SocketAddr> {
        let first = self.of(service, port)?;
        if instance == 0 {
            return Some(first);
        }
        if let Some(told) = self.by_instance.get(&(service.to_owned(), port, instance)) {
            return Some(*told);
        }
        match first {
            SocketAddr::V4(address) if instance < INSTANCES_MAX => {
                let [network, group, namespace, _] = address.ip().octets();
                let own = cfg!(target_os = "linux") && network == NETWORK[0] && group != 0 && namespace < INSTANCE_STEP;
                own.then(|| SocketAddr::from((further_on(*address.ip(), instance), address.port())))
            }
            _ => None,
        }
    }

    /// The own address of an instance of a service, of the gateway, or of the demonstration.
    pub fn home(&self, name: &str, instance: u8) -> Option<Ipv4Addr> {
        let home = *self.homes.get(name)?;
        Some(if home == Ipv4Addr::LOCALHOST { home } else { further_on(home, instance.min(INSTANCES_MAX)) })
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

/// The address of a further instance.
fn further_on(address: Ipv4Addr, instance: u8) -> Ipv4Addr {
    let [first, second, third, fourth] = address.octets();
    Ipv4Addr::new(first, second, third + INSTANCE_STEP * instance, fourth)
}

/// The same address in another network.
fn moved(address: Ipv4Addr, [first, second]: [u8; 2]) -> Ipv4Addr {
    let [_, _, namespace, ordinal] = address.octets();
    Ipv4Addr::new(first, second, namespace, ordinal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_every_port_is_distinct_on_the_one_loopback_address() {
        let addresses = Addresses::on(None, Topology::embedded(), &BTreeMap::new()).unwrap();
        assert!(addresses.by_port.len() > 60);
        assert!(addresses.by_port.values().all(|one| one.ip() == Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn in_a_cluster_ports_are_on_all_interfaces_and_reached_by_name() {
        let overrides = BTreeMap::from([("landry-ces-cachecenter.7802".to_owned(), "10.1.2.3:17802".parse().unwrap())]);
        let addresses = Addresses::new(Topology::embedded(), &overrides).unwrap();
        let addresses = addresses.in_cluster(Topology::embedded(), &overrides);
        let rows = [
            ("landry-ces-matchengine", 7316, "0.0.0.0:7316", "landry-ces-matchengine.landry.svc.cluster.local:7316"),
            (
                "morph-narwhal-matchengine",
                8888,
                "0.0.0.0:8888",
                "morph-narwhal-matchengine.morph.svc.cluster.local:8888",
            ),
            ("landry-ces-cachecenter", 7802, "10.1.2.3:17802", "10.1.2.3:17802"),
        ];
        for (service, port, served, reached) in rows {
            assert_eq!(addresses.of(service, port), Some(served.parse().unwrap()), "{service}");
            assert_eq!(addresses.endpoint(service, port).as_deref(), Some(reached), "{service}");
        }
        assert_eq!(addresses.endpoint("landry-ces-matchengine", 7317), None);
        let loopback = Addresses::on(Some(NETWORK), Topology::embedded(), &BTreeMap::new()).unwrap();
        assert_eq!(loopback.endpoint("landry-ces-matchengine", 7316).as_deref(), Some("127.20.1.19:7316"));
    }

    #[test]
    fn an_override_must_name_a_port_and_a_free_address() {
        let over = |key: &str, address: &str| {
            let overrides = BTreeMap::from([(key.to_owned(), address.parse().unwrap())]);
            Addresses::on(Some(NETWORK), Topology::embedded(), &overrides)
        };
        let moved = over("landry-ces-accesshttp.8080", "127.0.0.1:18080").unwrap();
        assert_eq!(moved.of("landry-ces-accesshttp", 8080), Some("127.0.0.1:18080".parse().unwrap()));
        let unknown = over("landry-ces-accesshttp.8081", "127.0.0.1:18080");
        assert!(matches!(unknown, Err(TopologyError::UnknownPort { .. })));
        let taken = over("landry-ces-accesshttp.8080", "127.20.1.19:7316");
        assert!(matches!(taken, Err(TopologyError::AddressTaken { .. })));
    }
    #[test]
    fn instances_and_networks_have_addresses_of_their_own() {
        let over = BTreeMap::from([
            ("landry-spotws-web@1.8080".to_owned(), "127.0.0.1:9".parse().unwrap()),
            ("landry-spotapi-web.8080".to_owned(), "127.0.0.1:18080".parse().unwrap()),
        ]);
        let addresses = Addresses::on(Some([127, 77]), Topology::embedded(), &over).unwrap();
        let engine = addresses.of("landry-ces-matchengine", 7316).unwrap();
        assert_eq!(engine, "127.77.1.19:7316".parse().unwrap());
        let of = |service, instance| addresses.of_instance(service, 8080, instance).map(|one| one.to_string());
        assert_eq!(of("landry-spotws-web", 0).as_deref(), Some("127.77.1.29:8080"));
        assert_eq!(of("landry-spotws-web", 1).as_deref(), Some("127.0.0.1:9"));
        assert_eq!(of("landry-spotws-web", 2).as_deref(), Some("127.77.21.29:8080"));
        assert_eq!(of("landry-spotws-web", INSTANCES_MAX), None);
        assert_eq!(of("landry-spotapi-web", 0).as_deref(), Some("127.0.0.1:18080"));
        assert_eq!(of("landry-spotapi-web", 1), None, "moved, so it has to be told");
        let home = |name, instance| addresses.home(name, instance).map(|one| one.to_string());
        assert_eq!(home("landry-ces-historywriter", 0).as_deref(), Some("127.77.1.17"));
        assert_eq!(home("landry-ces-historywriter", 3).as_deref(), Some("127.77.31.17"));
        assert_eq!(home(GATEWAY, 1).as_deref(), Some("127.77.10.5"));
        let apisix = Topology::embedded().edge.iter().find(|hop| hop.name == "apisix").and_then(|hop| hop.address);
        assert_eq!(apisix.map(|one| [one.octets()[2], one.octets()[3]]), Some(GATEWAY_HOME));
        for key in ["landry-spotws-web@0.8080", "landry-spotws-web@x.8080", "landry-spotws-web@1.8081"] {
            let over = BTreeMap::from([(key.to_owned(), "127.0.0.1:9".parse().unwrap())]);
            let refused = Addresses::on(Some(NETWORK), Topology::embedded(), &over);
            assert!(matches!(refused, Err(TopologyError::UnknownPort { .. })), "{key}");
        }
    }
}
