//! topology.yaml says what the deployment's description says, where that description is at hand.
//!
//! The description is not part of the repository: `ALLIN_TOPOLOGY_MD` names it, or it lies beside the repository in
//! `shared/`. Without it there is nothing to compare with and the test says so.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use allin_topology::{Exposure, Service, Topology};

fn description() -> Option<String> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/topology.md");
    let path = env::var_os("ALLIN_TOPOLOGY_MD").map_or(beside, PathBuf::from);
    match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            eprintln!("not compared with the description: {}: {error}", path.display());
            None
        }
    }
}

/// The cells of every table row under the headings that begin so.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('#') {
            inside = line.trim_start_matches('#').trim().starts_with(heading);
        } else if inside && line.starts_with('|') {
            let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            rows.push(cells);
        }
    }
    // Each table begins with a heading row and a rule.
    rows.into_iter().filter(|row| !row[0].starts_with("---")).collect()
}

/// Numbers of a port's size, which is all that the exposure column has.
fn numbers(text: &str) -> BTreeSet<u16> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

fn ports(service: &Service) -> BTreeSet<u16> {
    service.ports.iter().flat_map(|port| [Some(port.port), port.node_port]).flatten().collect()
}

#[test]
fn services_and_ports_are_those_of_the_description() {
    let Some(text) = description() else { return };
    let topology = Topology::embedded();
    let mut seen = BTreeSet::new();
    for namespace in ["landry", "morph", "moth"] {
        let rows = rows(&text, &format!("Namespace {namespace}"));
        assert!(rows.len() > 4, "the description's table of {namespace} was not found");
        for row in rows.iter().filter(|row| row[0] != "service") {
            // "ingress-nginx-controller (and -admission)" is two services in one row.
            let name = row[0].split(' ').next().unwrap();
            let service = topology.service(name).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(service.namespace, namespace);
            seen.insert(name.to_owned());
            let mut have = ports(service);
            for balancer in service.ports.iter().filter_map(|port| port.load_balancer.as_ref()) {
                assert!(row[2].contains(balancer.as_str()));
                have.extend(&topology.edge.iter().find(|hop| hop.name == *balancer).unwrap().ports);
            }
            if row[0].contains("(and -admission)") {
                let admission = topology.service("ingress-nginx-controller-admission").unwrap();
                have.extend(ports(admission));
                seen.insert(admission.name.clone());
            }
            assert_eq!(have, numbers(&row[2]), "ports of {name}");
            let node_port = service.ports.iter().any(|port| port.exposure == Exposure::NodePort);
            assert_eq!(node_port, row[2].contains("NodePort"), "exposure of {name}");
        }
    }
    let ours: BTreeSet<String> = topology.services.iter().map(|service| service.name.clone()).collect();
    assert_eq!(ours, seen, "services that only one of the two has");
}

#[test]
fn every_narwhal_pod_but_operlogcompact_has_its_monitoragent() {
    for service in &Topology::embedded().services {
        let wanted = service.name.starts_with("morph-narwhal-") && service.name != "morph-narwhal-operlogcompact";
        let there = service.sidecars.iter().any(|one| one.name == "monitoragent" && one.port == 8888);
        assert_eq!(there, wanted, "{}", service.name);
    }
}

#[test]
fn routes_and_middleware_are_those_of_the_description() {
    let Some(text) = description() else { return };
    let topology = Topology::embedded();
    let wanted: BTreeSet<(String, String, String, bool)> = rows(&text, "2. Routes")
        .into_iter()
        .filter(|row| row[0] != "host")
        .map(|row| {
            let upstream = row[2].split([' ', ',']).next().unwrap().to_owned();
            (row[0].replace(" (internal)", ""), row[1].clone(), upstream, row[2].contains("WebSocket"))
        })
        .collect();
    let ours = topology.routes.iter().map(|route| {
        let hosts: Vec<String> = route.hosts.iter().map(|host| topology.settings.resolve(host)).collect();
        (hosts.join(", "), route.path.clone(), route.upstream.to_string(), route.websocket)
    });
    // The description calls its table an excerpt, so that there may be more, but for the same services.
    let ours: BTreeSet<_> = ours.collect();
    assert!(wanted.len() > 8 && wanted.is_subset(&ours), "{:?} are missing", wanted.difference(&ours));
    for (host, path, upstream, _) in ours.difference(&wanted) {
        assert!(wanted.iter().any(|row| row.2 == *upstream), "{host}{path} leads to {upstream}");
    }

    let wanted: BTreeSet<(String, String)> = rows(&text, "5. Middleware")
        .into_iter()
        .filter(|row| row[0] != "domain")
        .map(|row| (row[1].clone(), row[2].clone()))
        .collect();
    let ours = topology.middleware.iter().map(|one| (one.kind.clone(), one.name(&topology.settings)));
    assert_eq!(ours.collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn arrows_of_the_spot_domain_are_those_of_the_description() {
    let Some(text) = description() else { return };
    let topology = Topology::embedded();
    let section = text.split("## 4.").nth(1).expect("section 4 is there").split("```").nth(1).unwrap();
    let mut arrows = 0;
    for line in section.lines().filter(|line| line.contains("-->")) {
        let (from, to) = line.split_once("-->").unwrap();
        for to in to.split('&') {
            let word = |text: &str| text.trim().split(['[', '(']).next().unwrap().to_owned();
            let (from, to) = (word(from), word(to));
            assert!(linked(topology, &from, &to), "{from} → {to} is missing");
            arrows += 1;
        }
    }
    assert!(arrows >= 14, "only {arrows} arrows were found in the description");
}

fn linked(topology: &Topology, from: &str, to: &str) -> bool {
    let names = |word: &str| [word.to_owned(), format!("landry-{word}-web"), format!("landry-ces-{word}")];
    if from == "APISIX" {
        return topology.routes.iter().any(|route| names(to).contains(&route.upstream.service));
    }
    let service = names(from).iter().find_map(|name| topology.service(name));
    let service = service.unwrap_or_else(|| panic!("{from} is missing"));
    service.depends_on.iter().chain(&service.feeds).any(|other| names(to).contains(other))
}
