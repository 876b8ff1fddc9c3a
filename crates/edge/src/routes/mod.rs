//! The table of routes: APISIX's standalone file, read strictly, and matched as its `radixtree_host_uri` router does: an
//! exact host before a wild-card, the longest wild-card first, an exact path before a prefix, the longest prefix first,
//! and `priority` between routes of the same host and path.

mod file;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Counter, Histogram, counter, histogram};

use crate::Resolver;
use crate::plugins::Plugins;

pub use file::RoutesError;

/// All routes.
#[derive(Debug, Default)]
pub struct Table {
    exact: BTreeMap<String, Paths>,
    /// `.domain` → paths, the longest domain first.
    wild: Vec<(String, Paths)>,
}

/// The routes of a host.
#[derive(Debug, Default)]
struct Paths {
    exact: BTreeMap<String, Arc<Route>>,
    /// The longest prefix first.
    prefixes: Vec<(String, Arc<Route>)>,
}

/// Where requests of some hosts and paths go, and what is done on the way.
#[derive(Debug)]
pub struct Route {
    pub id: String,
    pub name: String,
    pub websocket: bool,
    pub plugins: Plugins,
    pub meter: Option<Meter>,
    priority: i64,
    nodes: Vec<Node>,
    turn: AtomicUsize,
}

/// A member of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// A service of the topology, by its cluster name.
    Service(String, u16),
    Address(SocketAddr),
}

/// What the prometheus plugin counts of a route.
pub struct Meter {
    /// By the first digit of the status, 1xx to 5xx.
    requests: [Counter; 5],
    time_us: Histogram,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}

impl Meter {
    fn new(route: &str) -> Self {
        let class = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        Self {
            requests: class
                .map(|class| counter!("gateway_requests_total", "route" => route.to_owned(), "class" => class)),
            time_us: histogram!("gateway_request_us", "route" => route.to_owned()),
        }
    }

    /// Counts an answer: its status, and the time until its head.
    pub fn count(&self, status: hyper::StatusCode, time: std::time::Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.requests[class].increment(1);
        self.time_us.record(time.as_micros() as f64);
    }
}

impl Route {
    /// All nodes, beginning with the one whose turn it is.
    pub fn upstream(&self, resolver: &dyn Resolver) -> Vec<SocketAddr> {
        let mut all = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            match node {
                Node::Service(service, port) => all.append(&mut resolver.resolve_all(service, *port)),
                Node::Address(address) => all.push(*address),
            }
        }
        if all.len() > 1 {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % all.len();
            all.rotate_left(turn);
        }
        all
    }
}

impl Table {
    /// Reads a table; every name in it that is not known here is refused.
    pub fn parse(text: &str) -> Result<Self, RoutesError> {
        file::read(text)
    }

    /// The route of a host, in lower case without port and trailing dot, and a path.
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        self.paths(host)?.find(path)
    }

    fn paths(&self, host: &str) -> Option<&Paths> {
        self.exact.get(host).or_else(|| {
            let wild =
                self.wild.iter().find(|(suffix, _)| host.len() > suffix.len() && host.ends_with(suffix.as_str()));
            wild.map(|(_, paths)| paths)
        })
    }

    fn insert(&mut self, host: &str, uri: &str, route: &Arc<Route>) {
        let paths = match host.strip_prefix('*') {
            None => self.exact.entry(host.to_owned()).or_default(),
            Some(suffix) => {
                let at = self.wild.iter().position(|(known, _)| known == suffix).unwrap_or_else(|| {
                    let at = self.wild.partition_point(|(known, _)| known.len() >= suffix.len());
                    self.wild.insert(at, (suffix.to_owned(), Paths::default()));
                    at
                });
                &mut self.wild[at].1
            }
        };
        paths.insert(uri, route);
    }
}

impl Paths {
    fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.exact.get(path).or_else(|| {
            self.prefixes.iter().find(|(prefix, _)| path.starts_with(prefix.as_str())).map(|(_, route)| route)
        })
    }

    fn insert(&mut self, uri: &str, route: &Arc<Route>) {
        match uri.strip_suffix('*') {
            None => {
                let known = self.exact.entry(uri.to_owned()).or_insert_with(|| route.clone());
                if known.priority < route.priority {
                    known.clone_from(route);
                }
            }
            Some(prefix) => {
                let rank =
                    |prefix: &str, route: &Route| (usize::MAX - prefix.len(), i64::MAX.wrapping_sub(route.priority));
                let new = rank(prefix, route);
                let at = self.prefixes.partition_point(|(known, other)| rank(known, other) <= new);
                self.prefixes.insert(at, (prefix.to_owned(), route.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r##"
routes:
  - { id: 1, uris: ["/*"], hosts: ["api.a.test"], upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 2, uris: ["/ws/*"], hosts: ["api.a.test"], upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 3, uris: ["/ws"], hosts: ["api.a.test"], upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 4, uris: ["/*"], hosts: ["*.a.test"], upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 5, uris: ["/*"], hosts: ["*.b.a.test"], upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 6, uris: ["/ws/*"], hosts: ["*.b.a.test"], priority: 1, upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 7, uris: ["/ws/*"], hosts: ["*.b.a.test"], priority: 2, upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 8, uris: ["/ws-api/*"], hosts: ["ws.a.test"], upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
  - { id: 9, uris: ["/ws*", "/stream"], hosts: ["ws.a.test"], upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } } }
#END
"##;

    #[test]
    fn the_nearest_route_wins() {
        let table = Table::parse(TEXT).expect("a table");
        let rows = [
            ("api.a.test", "/", Some("1")),
            ("api.a.test", "/w", Some("1")),
            ("api.a.test", "/ws", Some("3")),
            ("api.a.test", "/ws/", Some("2")),
            ("api.a.test", "/ws/x", Some("2")),
            ("api.a.test", "/wsx", Some("1")),
            ("x.a.test", "/", Some("4")),
            ("x.y.a.test", "/", Some("4")),
            ("x.b.a.test", "/", Some("5")),
            ("b.a.test", "/", Some("4")),
            ("x.b.a.test", "/ws/1", Some("7")),
            ("ws.a.test", "/ws-api/v3", Some("8")),
            ("ws.a.test", "/ws-api", Some("9")),
            ("ws.a.test", "/stream", Some("9")),
            ("ws.a.test", "/streams", None),
            ("ws.a.test", "/", None),
            ("a.test", "/", None),
            ("xa.test", "/", None),
            (".a.test", "/", None),
            ("other.test", "/", None),
        ];
        for (host, path, want) in rows {
            assert_eq!(table.find(host, path).map(|route| route.id.as_str()), want, "{host}{path}");
        }
    }
}
