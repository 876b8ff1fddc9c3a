//! Who can talk to whom: what the policies let through is compared with the arrows, service by service.

use std::collections::{BTreeMap, BTreeSet};

use allin_topology::{Service, Topology};
use serde_json::Value;

use super::{base, find, list, ours};

const NAME: &str = "app.kubernetes.io/name";

/// The ports at which a policy lets a service's pods and each peer talk, in one direction.
type Talk = BTreeMap<(String, String), BTreeSet<u64>>;

fn talk(objects: &[Value], policy: &str, direction: &str, peers: &str) -> Talk {
    let policy = find(objects, "NetworkPolicy", policy).expect("every service has a policy");
    let mut talk = Talk::new();
    for rule in list(&policy["spec"][direction]) {
        let ports: BTreeSet<u64> = list(&rule["ports"]).iter().filter_map(|port| port["port"].as_u64()).collect();
        for peer in list(&rule[peers]) {
            let namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"].as_str();
            let name = peer["podSelector"]["matchLabels"][NAME].as_str();
            if let (Some(namespace), Some(name)) = (namespace, name) {
                talk.entry((namespace.to_owned(), name.to_owned())).or_default().extend(&ports);
            }
        }
    }
    talk
}

fn key(service: &Service) -> (String, String) {
    (service.namespace.clone(), service.name.clone())
}

#[test]
fn pods_reach_each_other_along_the_arrows_only() {
    let objects = base();
    let into: BTreeMap<_, Talk> = ours().map(|one| (key(one), talk(objects, &one.name, "ingress", "from"))).collect();
    let none = BTreeSet::new();
    let mut arrows = 0;
    for one in ours() {
        let out = talk(objects, &one.name, "egress", "to");
        for other in ours().filter(|other| other.name != one.name) {
            let open = out.get(&key(other)).unwrap_or(&none);
            let back = into[&key(other)].get(&key(one)).unwrap_or(&none);
            if !other.ports.is_empty() {
                assert_eq!(open, back, "{} and {} do not agree", one.name, other.name);
            }
            let ports: BTreeSet<u64> = other.ports.iter().map(|port| u64::from(port.port)).collect();
            let calls = one.depends_on.contains(&other.name);
            let feeds = one.feeds.contains(&other.name);
            let reports = one.namespace == other.namespace && other.name.ends_with("-monitorcenter");
            if calls {
                assert_eq!(*open, ports, "{} calls {}", one.name, other.name);
                arrows += 1;
            }
            if !calls && !feeds && !reports {
                assert!(open.is_empty(), "{} reaches {} at {open:?}", one.name, other.name);
            }
        }
    }
    assert!(arrows > 80, "{arrows}");
}

#[test]
fn the_gateway_reaches_what_its_table_leads_to() {
    let objects = base();
    let gateway = talk(objects, "apisix", "egress", "to");
    for service in ours() {
        let routes = Topology::embedded().routes.iter().filter(|route| route.upstream.service == service.name);
        let mut wanted: BTreeSet<u64> = routes.map(|route| u64::from(route.upstream.port)).collect();
        let http = service.ports.iter().find(|port| port.protocol.as_str() == "http");
        wanted.extend(http.map(|port| u64::from(port.port)));
        let none = BTreeSet::new();
        assert_eq!(*gateway.get(&key(service)).unwrap_or(&none), wanted, "{}", service.name);
        let into = talk(objects, &service.name, "ingress", "from");
        let edge = ("edge".to_owned(), "apisix".to_owned());
        assert_eq!(*into.get(&edge).unwrap_or(&none), wanted, "{}", service.name);
    }
}

#[test]
fn every_namespace_denies_what_is_not_said() {
    let objects = base();
    for namespace in &Topology::embedded().namespaces {
        let policies = objects.iter().filter(|one| one["kind"] == "NetworkPolicy");
        let inside = policies.filter(|one| one["metadata"]["namespace"] == namespace.name.as_str());
        let deny = inside.filter(|one| one["metadata"]["name"] == "default-deny").collect::<Vec<_>>();
        assert_eq!(deny.len(), 1, "{}", namespace.name);
        assert_eq!(deny[0]["spec"], serde_json::json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }));
    }
}

#[test]
fn middleware_is_reached_by_those_who_depend_on_it_at_its_port() {
    let objects = base();
    let usual = |kind: &str| match kind.split(' ').next().unwrap() {
        "RDS" => 3306,
        "Redis" => 6379,
        "Kafka" => 9092,
        _ => 2379,
    };
    for service in ours() {
        let topology = Topology::embedded();
        // Every process is known in etcd.
        let uses = topology.middleware.iter().filter(|one| one.kind == "etcd" || service.depends_on.contains(&one.id));
        let wanted: BTreeSet<u64> = uses.map(|one| one.port.map_or(usual(&one.kind), u64::from)).collect();
        let policy = find(objects, "NetworkPolicy", &service.name).unwrap();
        let outside = list(&policy["spec"]["egress"]).iter().filter(|rule| rule["to"][0]["ipBlock"].is_object());
        let ports: BTreeSet<u64> =
            outside.flat_map(|rule| list(&rule["ports"])).filter_map(|port| port["port"].as_u64()).collect();
        assert_eq!(ports, wanted, "{}", service.name);
    }
}
