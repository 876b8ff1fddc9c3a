//! The laptop's compose file.

use std::collections::BTreeSet;

use allin_topology::{Kind, Topology};
use serde_json::{Value, json};

use super::{all, files, list, ours};

fn compose(built: &BTreeSet<&str>) -> Value {
    let written = files(built);
    let file = written.iter().find(|file| file.path == "deploy/compose/compose.yaml").expect("the compose file");
    serde_saphyr::from_str(&file.text).expect("YAML")
}

#[test]
fn every_service_runs_under_the_name_that_the_gateways_table_has() {
    let compose = compose(&all());
    for service in ours() {
        let container = &compose["services"][&service.name];
        if service.kind == Kind::Job {
            assert!(container.is_null(), "{} is a job", service.name);
            continue;
        }
        assert_eq!(container["command"], json!(["run", service.name]));
        let name = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
        assert_eq!(container["networks"]["default"]["aliases"], json!([name]));
        for need in &service.depends_on {
            assert!(!container["depends_on"][need].is_null(), "{} starts before {need}", service.name);
        }
        let kept = list(&container["volumes"]).iter().any(|one| one["type"] == "volume");
        assert_eq!(kept, service.keeps.is_some(), "{}", service.name);
    }
}

#[test]
fn middleware_that_nobody_needs_waits_for_its_profile() {
    let compose = compose(&BTreeSet::from(["landry-ces-matchengine"]));
    for one in &Topology::embedded().middleware {
        let container = &compose["services"][&one.id];
        assert!(list(&container["healthcheck"]["test"]).len() > 1, "{}", one.id);
        // etcd, by which every process is known, is for all.
        let needed = one.id == "kafka" || one.kind == "etcd";
        assert_eq!(container["profiles"].is_null(), needed, "{}", one.id);
    }
}

/// What depends on something that is started only on demand would not start.
#[test]
fn what_is_depended_on_is_there() {
    let compose = compose(&all());
    let services = compose["services"].as_object().unwrap();
    for (name, container) in services {
        for need in container["depends_on"].as_object().into_iter().flat_map(|needs| needs.keys()) {
            let need = services.get(need).unwrap_or_else(|| panic!("{name} depends on {need}"));
            assert!(need["profiles"].is_null());
        }
    }
}
