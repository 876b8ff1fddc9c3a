//! `deploy/compose/compose.yaml`: the whole on a laptop, every built service in a container of its own, on the names that the
//! cluster's DNS would have, so that the gateway's table is the same.

use serde_json::{Map, Value, json};

use super::{
    GATEWAY_IMAGE, GATEWAY_PORT, GATEWAY_STATUS_PORT, IMAGE, arrows,
    middleware::{Engine, arguments, variables},
    running, settings, yaml,
};
use crate::{
    model::{Middleware, Service},
    render::View,
};

/// The middleware that nothing built uses starts only when it is asked for.
const FURTHER: &str = "all-middleware";

pub(super) fn render(view: View<'_>) -> String {
    let in_use = arrows::middleware_in_use(view);
    let mut services = Map::new();
    let mut volumes = Map::new();
    for one in &view.topology.middleware {
        let used = in_use.iter().any(|other| other.id == one.id);
        services.insert(one.id.clone(), middleware(one, used));
        volumes.insert(one.id.clone(), json!({}));
    }
    for service in running(view) {
        services.insert(service.name.clone(), container(view, service));
        if service.keeps.is_some() {
            volumes.insert(service.name.clone(), json!({}));
        }
    }
    services.insert("apisix".to_owned(), gateway(view));
    yaml::documents([&json!({ "name": "allin", "services": services, "volumes": volumes })])
}

fn middleware(one: &Middleware, used: bool) -> Value {
    let engine = Engine::of(one);
    let mut environment = variables(one, &one.id);
    if engine == Engine::Sql {
        environment["MARIADB_PASSWORD"] = needed("ALLIN_DB_PASSWORD");
        environment["MARIADB_RANDOM_ROOT_PASSWORD"] = "yes".into();
    }
    let check: Vec<&str> = std::iter::once("CMD").chain(engine.check()).collect();
    let mut service = json!({
        "image": engine.image(),
        "restart": "unless-stopped",
        "environment": environment,
        "volumes": [format!("{}:{}", one.id, engine.folder())],
        "healthcheck": { "test": check, "interval": "5s", "timeout": "10s", "retries": 24, "start_period": "20s" },
    });
    let arguments = arguments(one, &one.id);
    if !arguments.is_empty() {
        service["command"] = arguments.into();
    }
    if !used {
        service["profiles"] = json!([FURTHER]);
    }
    service
}

fn container(view: View<'_>, service: &Service) -> Value {
    let mut environment = json!({ "ALLIN_CONFIG": settings::FILE });
    for secret in settings::secrets(view, service) {
        environment[secret.variable] = match secret.database {
            Some(id) => format!("mysql://allin:${{ALLIN_DB_PASSWORD:?see deploy/README.md}}@{id}:3306/{id}").into(),
            None => needed(secret.variable),
        };
    }
    let mut needs = Map::new();
    for one in arrows::middleware(view, service) {
        needs.insert(one.id.clone(), json!({ "condition": "service_healthy" }));
    }
    for other in running(view).filter(|other| service.depends_on.contains(&other.name)) {
        needs.insert(other.name.clone(), json!({ "condition": "service_healthy" }));
    }
    let data = if service.keeps.is_some() {
        json!({ "type": "volume", "source": service.name, "target": settings::DATA })
    } else {
        json!({ "type": "tmpfs", "target": settings::DATA, "tmpfs": { "mode": 0o1777 } })
    };
    json!({
        "image": format!("{IMAGE}:${{ALLIN_VERSION:-latest}}"),
        "build": { "context": "../.." },
        "pull_policy": "missing",
        "command": ["run", service.name],
        "restart": "unless-stopped",
        "stop_grace_period": "60s",
        "environment": environment,
        "depends_on": needs,
        // A start may replay the log.
        "healthcheck": {
            "test": ["CMD", "/usr/bin/allin", "health"], "interval": "5s", "timeout": "10s", "retries": 6,
            "start_period": "1800s", "start_interval": "1s",
        },
        "networks": { "default": { "aliases": [service.cluster_name()] } },
        "read_only": true,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "volumes": [
            data,
            { "type": "bind", "source": "./allin.toml", "target": settings::FILE, "read_only": true },
        ],
    })
}

/// The public and the internal hosts at one port of the machine; which it is, the name decides.
fn gateway(view: View<'_>) -> Value {
    let mut needs = Map::new();
    for service in running(view).filter(|service| !arrows::gateway_ports(view, service).is_empty()) {
        needs.insert(service.name.clone(), json!({ "condition": "service_started" }));
    }
    let mount = |file: &str, source: &str| {
        json!({
            "type": "bind", "source": source, "target": format!("/usr/local/apisix/conf/{file}"), "read_only": true,
        })
    };
    // Its image need not have a client for HTTP, but it has a shell.
    let ask = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{GATEWAY_STATUS_PORT} && printf 'GET /status/ready HTTP/1.0\\r\\n\\r\\n' >&3 && \
         grep --quiet '200 OK' <&3"
    );
    json!({
        "image": GATEWAY_IMAGE,
        "restart": "unless-stopped",
        "healthcheck": { "test": ["CMD", "bash", "-c", ask], "interval": "5s", "timeout": "5s", "retries": 12 },
        "environment": { "APISIX_STAND_ALONE": "true" },
        "ports": [format!("127.0.0.1:8080:{GATEWAY_PORT}")],
        "depends_on": needs,
        "volumes": [mount("config.yaml", "../apisix/config.yaml"), mount("apisix.yaml", "./apisix.yaml")],
    })
}

/// A variable that the operator has to set.
fn needed(name: &str) -> Value {
    format!("${{{name}:?see deploy/README.md}}").into()
}
