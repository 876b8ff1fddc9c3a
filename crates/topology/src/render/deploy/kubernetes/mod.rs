//! `deploy/kubernetes`: a kustomize base that knows no domain, and what its overlays need of the topology.

mod gateway;
mod ingress;
mod middleware;
mod pod;
mod policy;
mod service;
mod workload;

use serde_json::{Map, Value, json};

use super::{
    File, built, local,
    settings::{self, Place},
    yaml,
};
use crate::{
    model::{Kind, Middleware, Settings, Topology},
    render::View,
};

const BASE: &str = "deploy/kubernetes/base";
const OVERLAYS: &str = "deploy/kubernetes/overlays";
/// The label that selects a service's pods.
const NAME_LABEL: &str = "app.kubernetes.io/name";

/// Base and overlays, file by file.
pub(super) fn files(view: View<'_>) -> Vec<File> {
    let mut files = Vec::new();
    let mut resources = Vec::new();
    for (path, documents) in base(view) {
        files.push(File::new(format!("{BASE}/{path}"), yaml::documents(&documents)));
        resources.push(path);
    }
    files.push(File::new(format!("{BASE}/kustomization.yaml"), kustomization(resources)));

    let overlays = [("dev", Place::Laptop, local(view.topology)), ("production", Place::Cloud, view.topology.clone())];
    // In a small cluster of one's own the middleware runs beside the services.
    let host = |place, one: &Middleware, settings: &Settings| match place {
        Place::Laptop => middleware::host(one),
        Place::Cloud => settings.resolve(&one.host),
    };
    for (overlay, place, topology) in overlays {
        let view = View { topology: &topology, ..view };
        let folder = format!("{OVERLAYS}/{overlay}");
        files.push(File::new(format!("{folder}/ingress.yaml"), yaml::documents(&ingress::documents(view))));
        files.push(File::new(
            format!("{folder}/allin.toml"),
            settings::file(place, &topology.settings, view, |one| host(place, one, &topology.settings)),
        ));
    }
    let dev = local(view.topology);
    files.push(File::new(format!("{OVERLAYS}/dev/apisix.yaml"), crate::render::apisix(&dev)));
    files.push(File::new(format!("{OVERLAYS}/dev/middleware.yaml"), yaml::documents(&middleware::documents(view))));
    let groups = gateway::target_groups(view);
    files.push(File::new(format!("{OVERLAYS}/production/target-groups.yaml"), yaml::documents(&groups)));
    files
}

/// The base as one stream, for reading and for `kubectl diff`.
pub(super) fn render(view: View<'_>) -> String {
    let documents: Vec<Value> = base(view).into_iter().flat_map(|(_, documents)| documents).collect();
    yaml::documents(&documents)
}

/// The base: one file a service, and those that are no service's own.
fn base(view: View<'_>) -> Vec<(String, Vec<Value>)> {
    let mut files = vec![
        ("namespaces.yaml".to_owned(), namespaces(view.topology)),
        ("network.yaml".to_owned(), policy::of_namespaces(view.topology)),
        ("edge/apisix.yaml".to_owned(), gateway::documents(view)),
    ];
    for one in built(view) {
        let mut documents = vec![workload::document(view, one)];
        documents.extend(service::documents(one));
        if one.kind == Kind::Service {
            documents.push(disruption_budget(&one.namespace, &one.name));
        }
        documents.push(policy::of_service(view, one));
        files.push((format!("{}/{}.yaml", one.namespace, one.name), documents));
    }
    files
}

fn kustomization(mut resources: Vec<String>) -> String {
    // The gateway's table and settings lie with the gateway, outside of this folder.
    resources.push("../../apisix".to_owned());
    yaml::documents([&json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    })])
}

fn namespaces(topology: &Topology) -> Vec<Value> {
    let namespaces = topology.namespaces.iter();
    namespaces
        .map(|namespace| {
            let labels = json!({
                "app.kubernetes.io/part-of": "allin",
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            });
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace.name, "labels": labels } })
        })
        .collect()
}

/// A drain takes one pod of a service at a time.
fn disruption_budget(namespace: &str, name: &str) -> Value {
    let spec = json!({ "maxUnavailable": 1, "selector": { "matchLabels": selector(name) } });
    object("policy/v1", "PodDisruptionBudget", namespace, name, json!({ "spec": spec }))
}

/// An object with the labels that all of ours have.
fn object(version: &str, kind: &str, namespace: &str, name: &str, body: Value) -> Value {
    let metadata = json!({ "name": name, "namespace": namespace, "labels": labels(name) });
    let mut object = Map::from_iter([
        ("apiVersion".to_owned(), version.into()),
        ("kind".to_owned(), kind.into()),
        ("metadata".to_owned(), metadata),
    ]);
    if let Value::Object(body) = body {
        object.extend(body);
    }
    Value::Object(object)
}

fn selector(name: &str) -> Value {
    json!({ NAME_LABEL: name })
}

fn labels(name: &str) -> Value {
    json!({ NAME_LABEL: name, "app.kubernetes.io/part-of": "allin" })
}
