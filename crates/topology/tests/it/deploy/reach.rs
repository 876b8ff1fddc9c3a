//! How services are reached: Services, node ports, balancers, Ingresses.

use std::collections::BTreeSet;

use allin_topology::{Audience, Exposure, Topology};
use serde_json::Value;

use super::{base, find, list, objects, ours, whole};

#[test]
fn services_have_the_topologys_ports_and_exposure() {
    let objects = base();
    for service in ours() {
        let found = find(objects, "Service", &service.name);
        let Some(first) = service.ports.first() else {
            assert!(found.is_none(), "{} has no service", service.name);
            continue;
        };
        let spec = &found.unwrap_or_else(|| panic!("{} has a service", service.name))["spec"];
        let wanted = if first.exposure == Exposure::NodePort { "NodePort" } else { "ClusterIP" };
        assert_eq!(spec["type"], wanted, "{}", service.name);
        let ports = list(&spec["ports"]).iter().map(|one| (one["port"].as_u64(), one["nodePort"].as_u64()));
        let topology = service.ports.iter().map(|one| (Some(one.port.into()), one.node_port.map(u64::from)));
        assert_eq!(ports.collect::<Vec<_>>(), topology.collect::<Vec<_>>(), "{}", service.name);
    }
    let nlb = find(objects, "Service", "awf-spa-nlb").expect("the balancer past the gateway");
    assert_eq!((&nlb["spec"]["type"], &nlb["metadata"]["namespace"]), (&"LoadBalancer".into(), &"morph".into()));
    let ports: Vec<u64> = list(&nlb["spec"]["ports"]).iter().filter_map(|one| one["port"].as_u64()).collect();
    assert_eq!(ports, [80, 443]);
    assert_eq!(nlb["spec"]["selector"]["app.kubernetes.io/name"], "morph-awf-spa");
}

/// (host, path as the routes write it, service, port)
type Row = (String, String, String, u64);

#[test]
fn ingresses_are_the_routes() {
    let topology = Topology::embedded();
    let ingresses = objects(whole(), "deploy/kubernetes/overlays/production/ingress.yaml");
    let mut rows: BTreeSet<Row> = BTreeSet::new();
    for ingress in ingresses.iter().filter(|one| one["kind"] == "Ingress") {
        assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
        for rule in list(&ingress["spec"]["rules"]) {
            for path in list(&rule["http"]["paths"]) {
                let backend = &path["backend"]["service"];
                let service = topology.service(backend["name"].as_str().unwrap()).expect("a service");
                assert_eq!(ingress["metadata"]["namespace"], service.namespace.as_str());
                let star = if path["pathType"] == "Exact" { "" } else { "*" };
                rows.insert((
                    rule["host"].as_str().unwrap().to_owned(),
                    format!("{}{star}", path["path"].as_str().unwrap()),
                    service.name.clone(),
                    backend["port"]["number"].as_u64().unwrap(),
                ));
            }
        }
    }
    let mut wanted: BTreeSet<Row> = BTreeSet::new();
    for route in &topology.routes {
        for host in &route.hosts {
            let domains = match host.contains("{public_domain}") {
                true => vec!["allinpro.com", "allinx.io"],
                false => vec!["aie.prod"],
            };
            for domain in domains {
                let host = host.replace("{public_domain}", domain).replace("{internal_domain}", domain);
                wanted.insert((host, route.path.clone(), route.upstream.service.clone(), route.upstream.port.into()));
            }
        }
    }
    for service in ours() {
        if let Some(port) = service.ports.iter().find(|port| port.protocol.as_str() == "http") {
            wanted.insert((format!("{}.aie.prod", service.name), "/*".into(), service.name.clone(), port.port.into()));
        }
    }
    assert_eq!(rows, wanted);
    assert!(topology.routes.iter().any(|route| route.audience == Audience::Internal));
}

#[test]
fn the_balancers_of_the_edge_lead_to_pods() {
    let groups = objects(whole(), "deploy/kubernetes/overlays/production/target-groups.yaml");
    let group = |one: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert_eq!(one["spec"]["targetType"], "ip");
        let service = &one["spec"]["serviceRef"];
        (text(&one["spec"]["targetGroupName"]), text(&service["name"]), service["port"].as_u64().unwrap())
    };
    let found: BTreeSet<_> = groups.iter().map(group).collect();
    let wanted = [
        ("apisix-internal", "apisix", 9080),
        ("apisix-public", "apisix", 9080),
        ("awf-spa-nlb", "morph-awf-spa", 8080),
    ];
    let wanted = wanted.map(|(name, service, port)| (name.to_owned(), service.to_owned(), port));
    assert_eq!(found, wanted.into_iter().collect());
}
