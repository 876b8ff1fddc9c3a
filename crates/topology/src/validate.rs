//! Holds a topology together: every fault is found, not only the first.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Exposure, Kind, Service, Topology};

/// Everything that is wrong, in words.
pub(crate) fn faults(topology: &Topology) -> Vec<String> {
    let mut faults = Vec::new();
    names(topology, &mut faults);
    addresses(topology, &mut faults);
    for service in &topology.services {
        ports(service, topology, &mut faults);
        running(service, &mut faults);
        references(service, topology, &mut faults);
    }
    node_ports(topology, &mut faults);
    routes(topology, &mut faults);
    edge(topology, &mut faults);
    circle(topology, &mut faults);
    faults
}

fn names(topology: &Topology, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let services = topology.services.iter().map(|service| &service.name);
    let middleware = topology.middleware.iter().map(|one| &one.id);
    let edge = topology.edge.iter().map(|hop| &hop.name);
    for name in services.chain(middleware).chain(edge) {
        if !seen.insert(name) {
            faults.push(format!("{name} is there twice"));
        }
    }
    for service in &topology.services {
        let prefix = format!("{}-", service.namespace);
        if !service.foreign_name && !service.name.starts_with(&prefix) {
            faults.push(format!("{} does not begin with {prefix}", service.name));
        }
    }
}

fn addresses(topology: &Topology, faults: &mut Vec<String>) {
    let networks: BTreeMap<&str, u8> =
        topology.namespaces.iter().map(|namespace| (namespace.name.as_str(), namespace.network)).collect();
    let services = topology.services.iter().map(|service| (&service.name, service.namespace.as_str(), service.address));
    let edge = topology.edge.iter().filter_map(|hop| Some((&hop.name, "edge", hop.address?)));
    let mut seen = BTreeMap::new();
    for (name, namespace, address) in services.chain(edge) {
        if let Some(first) = seen.insert(address, name) {
            faults.push(format!("{first} and {name} both have {address}"));
        }
        let [a, b, network, host] = address.octets();
        match networks.get(namespace) {
            None => faults.push(format!("{name}: there is no namespace {namespace}")),
            Some(want) if (a, b, network) != (127, 20, *want) || host == 0 || host == 255 => {
                faults.push(format!("{name}: {address} is not a host of 127.20.{want}.0/24"));
            }
            Some(_) => {}
        }
    }
}

fn ports(service: &Service, topology: &Topology, faults: &mut Vec<String>) {
    let name = &service.name;
    let mut numbers = BTreeSet::new();
    let mut words = BTreeSet::new();
    for port in &service.ports {
        if port.port == 0 || !numbers.insert(port.port) || !words.insert(port.name.as_str()) {
            faults.push(format!("{name}: port {} ({}) is zero or there twice", port.port, port.name));
        }
        if (port.exposure == Exposure::NodePort) != port.node_port.is_some() {
            faults.push(format!("{name}:{}: NodePort and node_port go together", port.port));
        }
        if let Some(balancer) = &port.load_balancer {
            let target = format!("{name}:{}", port.port);
            let there = topology.edge.iter().any(|hop| hop.name == *balancer && hop.forwards_to.contains(&target));
            if !there {
                faults.push(format!("{target}: {balancer} does not forward to it"));
            }
        }
    }
    for sidecar in &service.sidecars {
        if !numbers.insert(sidecar.port) {
            faults.push(format!("{name}: side-car {} takes port {}", sidecar.name, sidecar.port));
        }
    }
}

fn running(service: &Service, faults: &mut Vec<String>) {
    let name = &service.name;
    if (service.kind == Kind::Job) != service.schedule.is_some() {
        faults.push(format!("{name}: a job has a schedule, and nothing else has one"));
    }
    if service.schedule.as_ref().is_some_and(|cron| cron.split(' ').count() != 5) {
        faults.push(format!("{name}: a schedule has five fields"));
    }
    if service.scales && (service.keeps.is_some() || service.ports.is_empty()) {
        faults.push(format!("{name}: what keeps something, or serves nothing, does not scale"));
    }
    if service.kind == Kind::Job && service.keeps.is_some() {
        faults.push(format!("{name}: a job keeps nothing"));
    }
}

fn references(service: &Service, topology: &Topology, faults: &mut Vec<String>) {
    let name = &service.name;
    for other in &service.depends_on {
        if topology.service(other).is_none() && topology.middleware(other).is_none() {
            faults.push(format!("{name} depends on {other}, which does not exist"));
        }
    }
    for other in &service.feeds {
        if topology.service(other).is_none() {
            faults.push(format!("{name} feeds {other}, which does not exist"));
        }
    }
}

fn node_ports(topology: &Topology, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let all = topology.services.iter().flat_map(|service| &service.ports);
    for node_port in all.filter_map(|port| port.node_port) {
        // Kubernetes' own range.
        if !(30_000..=32_767).contains(&node_port) || !seen.insert(node_port) {
            faults.push(format!("node port {node_port} is out of range or there twice"));
        }
    }
}

fn routes(topology: &Topology, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for route in &topology.routes {
        let upstream = &route.upstream;
        let there = topology
            .service(&upstream.service)
            .is_some_and(|service| service.namespace == upstream.namespace && service.port(upstream.port).is_some());
        if !there {
            faults.push(format!("route to {upstream}, which does not exist"));
        }
        if !route.path.starts_with('/') || route.hosts.is_empty() {
            faults.push(format!("route to {upstream}: needs a host, and a path that begins with /"));
        }
        for host in &route.hosts {
            if !seen.insert((host, &route.path)) {
                faults.push(format!("two routes for {host}{}", route.path));
            }
        }
    }
}

fn edge(topology: &Topology, faults: &mut Vec<String>) {
    for hop in &topology.edge {
        for target in &hop.forwards_to {
            let there = target == "routes"
                || topology.edge.iter().any(|other| other.name == *target)
                || target.split_once(':').is_some_and(|(service, port)| {
                    let number = port.parse().unwrap_or(0);
                    topology.service(service).is_some_and(|service| service.port(number).is_some())
                });
            if !there {
                faults.push(format!("{} forwards to {target}, which does not exist", hop.name));
            }
        }
    }
}

/// Services start after what they depend on, so a circle could never start.
fn circle(topology: &Topology, faults: &mut Vec<String>) {
    let mut left: BTreeMap<&str, &[String]> =
        topology.services.iter().map(|service| (service.name.as_str(), service.depends_on.as_slice())).collect();
    loop {
        let ready: Vec<&str> = left
            .iter()
            .filter(|(_, needs)| !needs.iter().any(|need| left.contains_key(need.as_str())))
            .map(|(name, _)| *name)
            .collect();
        if ready.is_empty() {
            break;
        }
        for name in ready {
            left.remove(name);
        }
    }
    if !left.is_empty() {
        let names: Vec<&str> = left.into_keys().collect();
        faults.push(format!("dependencies form a circle among: {}", names.join(", ")));
    }
}
