//! The file's own shape, as far as we serve it. Unknown keys are refused, so that a table means here what it means there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use serde::Deserialize;
use serde_json::Value;

use super::{Meter, Node, Route, Table};
use crate::plugins::Plugins;

/// What ends the names of the cluster's services.
const CLUSTER: &str = "svc.cluster.local";
/// The last line of a whole file.
const END: &str = "#END";

/// Why a table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoutesError {
    #[error("routes: cannot read {path}: {reason}")]
    Read { path: String, reason: String },
    #[error("routes: the file does not end with {END}, so it is not whole")]
    Cut,
    #[error("routes: {0}")]
    Syntax(String),
    #[error("routes: route {route}: {reason}")]
    Route { route: String, reason: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    routes: Vec<RouteFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteFile {
    id: Id,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "desc")]
    _desc: String,
    uris: Vec<String>,
    hosts: Vec<String>,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    enable_websocket: bool,
    #[serde(default)]
    plugins: BTreeMap<String, Value>,
    upstream: UpstreamFile,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamFile {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "http")]
    scheme: String,
    nodes: BTreeMap<String, u32>,
}

fn http() -> String {
    "http".to_owned()
}

pub fn read(text: &str) -> Result<Table, RoutesError> {
    if text.trim_end().lines().next_back().map(str::trim) != Some(END) {
        return Err(RoutesError::Cut);
    }
    let file: File = serde_saphyr::from_str(text).map_err(|error| RoutesError::Syntax(error.to_string()))?;
    let mut table = Table::default();
    let mut ids = BTreeSet::new();
    for one in file.routes {
        let id = match &one.id {
            Id::Number(number) => number.to_string(),
            Id::Text(text) => text.clone(),
        };
        let wrong = |reason: String| RoutesError::Route { route: id.clone(), reason };
        if !ids.insert(id.clone()) {
            return Err(wrong("is there twice".to_owned()));
        }
        let (hosts, uris) = (one.hosts.clone(), one.uris.clone());
        check(&hosts, &uris).map_err(wrong)?;
        let route = Arc::new(route(id.clone(), one).map_err(wrong)?);
        for host in &hosts {
            for uri in &uris {
                table.insert(host, uri, &route);
            }
        }
    }
    Ok(table)
}

fn check(hosts: &[String], uris: &[String]) -> Result<(), String> {
    if hosts.is_empty() || uris.is_empty() {
        return Err("needs hosts and uris".to_owned());
    }
    for host in hosts {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if name.is_empty() || name.starts_with('.') || name.ends_with('.') || !name.bytes().all(plain) {
            return Err(format!("{host:?} is not a lower-case host, nor *. before one"));
        }
    }
    for uri in uris {
        let path = uri.strip_suffix('*').unwrap_or(uri);
        if crate::target::check_path(path).is_err() || path.contains(['*', ':']) {
            return Err(format!("{uri:?} is not a path in its normal form, with * at its end only"));
        }
    }
    Ok(())
}

fn route(id: String, file: RouteFile) -> Result<Route, String> {
    let upstream = file.upstream;
    if upstream.kind != "roundrobin" {
        return Err(format!("upstream type {:?} is not served; roundrobin is", upstream.kind));
    }
    if upstream.scheme != "http" {
        return Err(format!("upstream scheme {:?} is not served; http is", upstream.scheme));
    }
    let mut nodes = Vec::new();
    let weights: BTreeSet<u32> = upstream.nodes.values().copied().filter(|weight| *weight > 0).collect();
    if weights.len() != 1 {
        return Err("upstream nodes need one and the same weight, or 0".to_owned());
    }
    for (name, _) in upstream.nodes.iter().filter(|(_, weight)| **weight > 0) {
        nodes.push(node(name)?);
    }
    let name = if file.name.is_empty() { id.clone() } else { file.name };
    let counted = file.plugins.contains_key("prometheus");
    let plugins = Plugins::read(file.plugins)?;
    let meter = counted.then(|| Meter::new(&name));
    let (websocket, priority) = (file.enable_websocket, file.priority);
    Ok(Route { id, name, websocket, plugins, meter, priority, nodes, turn: AtomicUsize::new(0) })
}

/// `service.namespace.svc.cluster.local:port`, or an address.
fn node(text: &str) -> Result<Node, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Node::Address(address));
    }
    let wrong = || format!("node {text:?} is not service.namespace.{CLUSTER}:port, nor an address");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let (service, rest) = host.split_once('.').ok_or_else(wrong)?;
    let (namespace, cluster) = rest.split_once('.').ok_or_else(wrong)?;
    if service.is_empty() || namespace.is_empty() || cluster != CLUSTER {
        return Err(wrong());
    }
    Ok(Node::Service(service.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r##"
routes:
  - id: one
    uris: ["/*"]
    hosts: ["a.test"]
    plugins: { request-id: {} }
    upstream: { type: roundrobin, scheme: http, nodes: { "a-b.c.svc.cluster.local:8080": 1 } }
#END
"##;

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        assert!(read(WHOLE).is_ok());
        let rows = [
            ("#END", "", "not whole"),
            ("#END", "#END\n# more", "not whole"),
            ("request-id: {}", "jwt-auth: {}", "jwt-auth"),
            ("request-id: {}", "request-id: { nonsense: 1 }", "nonsense"),
            ("id: one", "id: one\n    vars: []", "vars"),
            ("routes:", "upstreams: []\nroutes:", "upstreams"),
            ("scheme: http", "scheme: grpc", "grpc"),
            ("type: roundrobin", "type: chash", "chash"),
            ("type: roundrobin", "type: roundrobin, retries: 2", "retries"),
            ("a.test", "A.test", "A.test"),
            ("a.test", "*", "\"*\""),
            ("a.test", "a.*.test", "a.*.test"),
            ("\"/*\"", "\"/*/a\"", "/*/a"),
            ("\"/*\"", "\"/:id\"", "/:id"),
            ("\"/*\"", "\"/../*\"", "/../*"),
            ("\"/*\"", "", "uris"),
            (".svc.cluster.local", ".elsewhere", "a-b.c.elsewhere"),
            (":8080", ":80800", "80800"),
            ("8080\": 1", "8080\": 0", "weight"),
        ];
        for (from, to, named) in rows {
            assert!(WHOLE.contains(from), "{from}");
            let error = read(&WHOLE.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(error.contains(named), "{to}: {error}");
        }
    }
}
