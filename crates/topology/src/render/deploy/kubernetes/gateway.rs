//! The gateway in a cluster: a real APISIX with the generated table, behind the two balancers of the edge.

use serde_json::{Value, json};

use super::{disruption_budget, labels, object, pod, policy, selector, workload};
use crate::{
    model::EdgeHop,
    render::{
        View,
        deploy::{EDGE, GATEWAY_IMAGE, GATEWAY_PORT, GATEWAY_STATUS_PORT, arrows, built},
    },
};

/// The user of its image.
const USER: u32 = 636;
const METRICS_PORT: u16 = 9091;

pub(super) fn documents(view: View<'_>) -> Vec<Value> {
    let name = policy::GATEWAY;
    let template = json!({ "metadata": { "labels": labels(name) }, "spec": pod_spec(name) });
    let mut deployment = object(
        "apps/v1",
        "Deployment",
        EDGE,
        name,
        json!({ "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 5,
            "selector": { "matchLabels": selector(name) },
            "strategy": workload::strategy(true),
            "template": template,
        } }),
    );
    deployment["metadata"]["labels"]["allin.dev/scales"] = "true".into();
    let port = json!({ "name": "http", "port": GATEWAY_PORT, "targetPort": "http", "protocol": "TCP" });
    let spec = json!({ "type": "ClusterIP", "selector": selector(name), "ports": [port] });
    let service = object("v1", "Service", EDGE, name, json!({ "spec": spec }));
    vec![deployment, service, disruption_budget(EDGE, name), arrows_of(view, name)]
}

fn pod_spec(name: &str) -> Value {
    let get = |path: &str| json!({ "path": path, "port": GATEWAY_STATUS_PORT });
    let ports = [("http", GATEWAY_PORT), ("status", GATEWAY_STATUS_PORT), ("metrics", METRICS_PORT)]
        .map(|(name, port)| json!({ "name": name, "containerPort": port, "protocol": "TCP" }));
    let folder = "/usr/local/apisix/conf";
    let mount = |file: &str| json!({ "name": "config", "mountPath": format!("{folder}/{file}"), "subPath": file });
    json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": pod::pod_security(USER),
        "terminationGracePeriodSeconds": 60,
        "topologySpreadConstraints": pod::spread(name),
        "containers": [{
            "name": name,
            "image": GATEWAY_IMAGE,
            "env": [{ "name": "APISIX_STAND_ALONE", "value": "true" }],
            "ports": ports,
            // Its start writes nginx.conf beside its own files, so its root is not read-only.
            "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            "resources": { "requests": { "cpu": "500m", "memory": "256Mi" }, "limits": { "memory": "1Gi" } },
            "startupProbe": { "httpGet": get("/status"), "periodSeconds": 2, "failureThreshold": 60 },
            "livenessProbe": { "httpGet": get("/status"), "periodSeconds": 10, "timeoutSeconds": 5 },
            "readinessProbe": { "httpGet": get("/status/ready"), "periodSeconds": 5, "timeoutSeconds": 3 },
            // Long-lived streams are let go while the balancers already lead elsewhere.
            "lifecycle": { "preStop": { "exec": { "command": ["sleep", "15"] } } },
            "volumeMounts": [mount("config.yaml"), mount("apisix.yaml")],
        }],
        "volumes": [{ "name": "config", "configMap": { "name": "apisix" } }],
    })
}

/// In from the balancers, which are no pods; out to what its table leads to.
fn arrows_of(view: View<'_>, name: &str) -> Value {
    let mut egress = Vec::new();
    for service in built(view) {
        let ports = arrows::gateway_ports(view, service);
        if !ports.is_empty() {
            let to = [policy::pods(&service.namespace, &service.name)];
            egress.push(json!({ "to": to, "ports": policy::ports(ports) }));
        }
    }
    let spec = json!({
        "podSelector": { "matchLabels": selector(name) },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{ "from": [policy::private_network()], "ports": policy::ports([GATEWAY_PORT]) }],
        "egress": egress,
    });
    policy::policy(EDGE, name, spec)
}

/// Ties the balancers that Terraform makes to the pods behind them (AWS Load Balancer Controller).
pub(super) fn target_groups(view: View<'_>) -> Vec<Value> {
    let mut documents = Vec::new();
    for hop in &view.topology.edge {
        for target in &hop.forwards_to {
            documents.extend(binding(view, hop, target));
        }
    }
    documents
}

fn binding(view: View<'_>, hop: &EdgeHop, target: &str) -> Option<Value> {
    let (namespace, service, port) = match (hop.kind.as_str(), target.split_once(':')) {
        ("alb", None) if target == policy::GATEWAY => (EDGE, target, GATEWAY_PORT),
        ("nlb", Some((service, port))) if view.built.contains(service) => {
            let service = view.topology.service(service)?;
            (service.namespace.as_str(), service.name.as_str(), port.parse().ok()?)
        }
        _ => return None,
    };
    let spec = json!({
        "targetGroupName": hop.name,
        "targetType": "ip",
        "serviceRef": { "name": service, "port": port },
    });
    Some(object("elbv2.k8s.aws/v1beta1", "TargetGroupBinding", namespace, &hop.name, json!({ "spec": spec })))
}
