//! The middleware that the built services use, for a cluster on a laptop: one instance each, and no second copy.

use serde_json::{Value, json};

use super::{labels, object, policy, selector};
use crate::{
    model::Middleware,
    render::{
        View,
        deploy::{
            arrows,
            middleware::{Engine, arguments, port, variables},
        },
    },
};

const NAMESPACE: &str = "middleware";

pub(super) fn documents(view: View<'_>) -> Vec<Value> {
    let labels = json!({ "app.kubernetes.io/part-of": "allin" });
    let metadata = json!({ "name": NAMESPACE, "labels": labels });
    let mut documents = vec![json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })];
    for one in arrows::middleware_in_use(view) {
        documents.push(stateful_set(one));
        let ports = json!([{ "name": "main", "port": port(one), "targetPort": "main", "protocol": "TCP" }]);
        let spec = json!({ "type": "ClusterIP", "selector": selector(&one.id), "ports": ports });
        documents.push(object("v1", "Service", NAMESPACE, &one.id, json!({ "spec": spec })));
    }
    for namespace in &view.topology.namespaces {
        let to = json!([{ "namespaceSelector": policy::namespace_labels(NAMESPACE) }]);
        let spec = json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": [{ "to": to }] });
        documents.push(policy::policy(&namespace.name, NAMESPACE, spec));
    }
    documents
}

/// The name by which a pod reaches it.
pub(super) fn host(one: &Middleware) -> String {
    format!("{}.{NAMESPACE}.svc.cluster.local", one.id)
}

fn stateful_set(one: &Middleware) -> Value {
    let engine = Engine::of(one);
    let mut env: Vec<Value> = Vec::new();
    if let Value::Object(variables) = variables(one, &host(one)) {
        env.extend(variables.into_iter().map(|(name, value)| json!({ "name": name, "value": value })));
    }
    if engine == Engine::Sql {
        for (name, key) in [("MARIADB_PASSWORD", "password"), ("MARIADB_ROOT_PASSWORD", "root-password")] {
            let key = json!({ "name": one.id, "key": key });
            env.push(json!({ "name": name, "valueFrom": { "secretKeyRef": key } }));
        }
    }
    let mut container = json!({
        "name": one.id,
        "image": engine.image(),
        "env": env,
        "ports": [{ "name": "main", "containerPort": port(one), "protocol": "TCP" }],
        "readinessProbe": { "exec": { "command": engine.check() }, "periodSeconds": 5, "timeoutSeconds": 10 },
        "resources": { "requests": { "cpu": "100m", "memory": "256Mi" }, "limits": { "memory": "1Gi" } },
        "volumeMounts": [{ "name": "data", "mountPath": engine.folder() }],
    });
    let arguments = arguments(one, &host(one));
    if !arguments.is_empty() {
        container["args"] = arguments.into();
    }
    let claim = json!({
        "metadata": { "name": "data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "5Gi" } } },
    });
    let spec = json!({
        "replicas": 1,
        "serviceName": one.id,
        "selector": { "matchLabels": selector(&one.id) },
        "template": {
            "metadata": { "labels": labels(&one.id) },
            "spec": { "automountServiceAccountToken": false, "enableServiceLinks": false, "containers": [container] },
        },
        "volumeClaimTemplates": [claim],
    });
    object("apps/v1", "StatefulSet", NAMESPACE, &one.id, json!({ "spec": spec }))
}
