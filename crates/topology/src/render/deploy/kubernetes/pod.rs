//! A service's pod.

use serde_json::{Value, json};

use super::selector;
use crate::{
    model::{Kind, Service, Sidecar},
    render::{
        View,
        deploy::{IMAGE, settings},
    },
};

pub(super) const DATA_VOLUME: &str = "data";
/// The user of the image.
const USER: u32 = 65532;

pub(super) fn spec(view: View<'_>, service: &Service) -> Value {
    let mut containers = vec![container(view, service)];
    containers.extend(service.sidecars.iter().map(|sidecar| sidecar_container(view, service, sidecar)));
    let mut volumes =
        vec![json!({ "name": "config", "configMap": { "name": "allin" } }), json!({ "name": "tmp", "emptyDir": {} })];
    if service.keeps.is_none() {
        volumes.push(json!({ "name": DATA_VOLUME, "emptyDir": {} }));
    }
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": pod_security(USER),
        // The shard ends its log whole, and what is in flight is answered.
        "terminationGracePeriodSeconds": 60,
        "containers": containers,
        "volumes": volumes,
    });
    if service.kind == Kind::Job {
        spec["restartPolicy"] = "OnFailure".into();
    } else if service.scales {
        spec["topologySpreadConstraints"] = spread(&service.name);
    }
    spec
}

/// Instances stand in different zones where there are any.
pub(super) fn spread(name: &str) -> Value {
    json!([{
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": selector(name) },
    }])
}

pub(super) fn pod_security(user: u32) -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        // A large volume is not walked at every start.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// Whether the service is the state machine of its product.
pub(super) fn is_engine(service: &Service) -> bool {
    service.name.ends_with("-matchengine")
}

fn container(view: View<'_>, service: &Service) -> Value {
    let mut ports: Vec<Value> = service.ports.iter().map(|port| container_port(&port.name, port.port)).collect();
    if service.kind == Kind::Service {
        ports.push(container_port("health", settings::HEALTH_PORT));
    }
    let mut container = common(view, service);
    container["name"] = service.name.as_str().into();
    container["args"] = json!(["run", service.name]);
    container["resources"] = resources(service);
    if !ports.is_empty() {
        container["ports"] = ports.into();
    }
    if service.kind == Kind::Service {
        http_probes(&mut container, settings::HEALTH_PORT);
    }
    container
}

/// A container beside the service, of the same image.
fn sidecar_container(view: View<'_>, service: &Service, sidecar: &Sidecar) -> Value {
    let mut container = common(view, service);
    container["name"] = sidecar.name.as_str().into();
    container["args"] = json!(["run", sidecar.name]);
    // The pod's health port is the service's.
    if let Some(env) = container["env"].as_array_mut() {
        env.push(json!({ "name": "ALLIN_HEALTH__LISTEN", "value": "off" }));
    }
    container["ports"] = json!([container_port(&sidecar.name, sidecar.port)]);
    container["resources"] = json!({
        "requests": { "cpu": "20m", "memory": "32Mi" },
        "limits": { "memory": "128Mi" },
    });
    http_probes(&mut container, sidecar.port);
    container
}

/// What every container of ours has.
fn common(view: View<'_>, service: &Service) -> Value {
    let mut env = vec![json!({ "name": "ALLIN_CONFIG", "value": settings::FILE })];
    env.extend(settings::secrets(view, service).into_iter().map(|secret| {
        json!({
            "name": secret.variable,
            "valueFrom": { "secretKeyRef": { "name": "allin", "key": secret.key } },
        })
    }));
    json!({
        "image": IMAGE,
        "env": env,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [
            { "name": "config", "mountPath": settings::FOLDER, "readOnly": true },
            { "name": DATA_VOLUME, "mountPath": settings::DATA },
            { "name": "tmp", "mountPath": "/tmp" },
        ],
    })
}

fn container_port(name: &str, port: u16) -> Value {
    json!({ "name": name, "containerPort": port, "protocol": "TCP" })
}

/// No limit of CPU: a throttled service answers late, and the requests share out what there is.
fn resources(service: &Service) -> Value {
    let (cpu, memory, memory_max) = match (is_engine(service), service.keeps.is_some()) {
        (true, _) => ("2", "4Gi", "16Gi"),
        (false, true) => ("250m", "256Mi", "2Gi"),
        (false, false) => ("250m", "128Mi", "1Gi"),
    };
    json!({ "requests": { "cpu": cpu, "memory": memory }, "limits": { "memory": memory_max } })
}

/// A start may replay the log for half an hour; a service that lives and lacks what it needs is not restarted.
fn http_probes(container: &mut Value, port: u16) {
    let get = |path: &str| json!({ "path": path, "port": port });
    container["startupProbe"] = json!({ "httpGet": get("/healthz"), "periodSeconds": 2, "failureThreshold": 900 });
    container["livenessProbe"] = json!({ "httpGet": get("/healthz"), "periodSeconds": 10, "timeoutSeconds": 5 });
    container["readinessProbe"] = json!({ "httpGet": get("/readyz"), "periodSeconds": 5, "timeoutSeconds": 3 });
}
