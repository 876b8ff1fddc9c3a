//! How services run: which kind of workload, and what its containers may do.

use allin_topology::{Kind, Service};
use serde_json::{Value, json};

use super::{base, find, list, objects, ours, whole};

fn template<'a>(objects: &'a [Value], service: &Service) -> &'a Value {
    let (kind, path) = match (service.kind, &service.keeps) {
        (Kind::Job, _) => ("CronJob", "/spec/jobTemplate/spec/template/spec"),
        (_, Some(_)) => ("StatefulSet", "/spec/template/spec"),
        (_, None) => ("Deployment", "/spec/template/spec"),
    };
    let object = find(objects, kind, &service.name).unwrap_or_else(|| panic!("{} is no {kind}", service.name));
    assert_eq!(object["metadata"]["namespace"], service.namespace.as_str());
    object.pointer(path).expect("a pod's template")
}

#[test]
fn each_service_has_its_kind_of_workload() {
    let objects = base();
    let mut count = 0;
    for service in ours() {
        let pod = template(objects, service);
        assert_eq!(pod["containers"][0]["args"], json!(["run", service.name]));
        if service.kind == Kind::Job {
            let job = find(objects, "CronJob", &service.name).unwrap();
            assert_eq!(job["spec"]["schedule"].as_str(), service.schedule.as_deref());
            assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
            assert_eq!(pod["restartPolicy"], "OnFailure");
        } else {
            assert!(find(objects, "PodDisruptionBudget", &service.name).is_some(), "{}", service.name);
        }
        if service.keeps.is_some() {
            let set = find(objects, "StatefulSet", &service.name).unwrap();
            assert_eq!(set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"], "data");
            assert_eq!(set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"], "Retain");
        }
        count += 1;
    }
    let workload = |one: &&Value| ["Deployment", "StatefulSet", "CronJob"].contains(&one["kind"].as_str().unwrap());
    // And the gateway.
    assert_eq!(objects.iter().filter(workload).count(), count + 1);
}

#[test]
fn narwhal_pods_have_their_side_car_and_no_two_ports_are_the_same() {
    let objects = base();
    for service in ours() {
        let pod = template(objects, service);
        let names: Vec<&str> = list(&pod["containers"]).iter().filter_map(|one| one["name"].as_str()).collect();
        let sidecars = service.sidecars.iter().map(|one| one.name.as_str());
        assert_eq!(names, [service.name.as_str()].into_iter().chain(sidecars).collect::<Vec<_>>());
        let mut ports: Vec<u64> = list(&pod["containers"])
            .iter()
            .flat_map(|one| list(&one["ports"]))
            .filter_map(|port| port["containerPort"].as_u64())
            .collect();
        if let Some(sidecar) = service.sidecars.first() {
            assert!(ports.contains(&u64::from(sidecar.port)), "{}", service.name);
        }
        let count = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), count, "{}", service.name);
    }
}

/// The restricted profile, and what it does not ask for.
#[test]
fn no_container_may_more_than_it_must() {
    let objects = base();
    for service in ours() {
        let pod = template(objects, service);
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for container in list(&pod["containers"]) {
            let name = &container["name"];
            let may = &container["securityContext"];
            assert_eq!(may["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(may["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(may["capabilities"]["drop"], json!(["ALL"]), "{name}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
            assert!(container["resources"]["requests"]["cpu"].is_string(), "{name}");
            if service.kind == Kind::Service {
                for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                    assert!(container[probe]["httpGet"]["path"].is_string(), "{name} lacks its {probe}");
                }
                assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
            }
        }
    }
}

#[test]
fn secrets_are_referred_to_and_never_written() {
    let written = whole();
    let mut references = 0;
    for object in objects(written, "deploy/kubernetes/") {
        assert_ne!(object["kind"], "Secret");
        let mut pods = Vec::new();
        containers(&object, &mut pods);
        for variable in pods.iter().flat_map(|container| list(&container["env"])) {
            let name = variable["name"].as_str().unwrap();
            let secret = ["PASSWORD", "TOKEN", "_URL"].iter().any(|word| name.contains(word));
            assert_eq!(secret, variable["valueFrom"]["secretKeyRef"]["key"].is_string(), "{name}");
            references += usize::from(secret);
        }
    }
    assert!(references > ours().count(), "{references}");
}

fn containers<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            if let Some(list) = map.get("containers").and_then(Value::as_array) {
                found.extend(list);
            }
            map.values().for_each(|inner| containers(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| containers(inner, found)),
        _ => {}
    }
}
