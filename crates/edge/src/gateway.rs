//! What every request passes: who is asked, which route, the route's plugins, and then the service.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use allin_exchange::health;
use allin_exchange::service::Stopping;
use allin_topology::Settings as Domains;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::body::Body;
use crate::config::GatewaySection;
use crate::forward::Forwarder;
use crate::headers::{Origin, remove_hop_by_hop, set_origin};
use crate::plugins::RequestId;
use crate::refusal::Refusal;
use crate::routes::{Route, Table};
use crate::target;
use crate::{Resolver, upgrade};

/// Where the process's metrics are on the internal listener, as in APISIX.
const METRICS_PATH: &str = "/apisix/prometheus/metrics";
const HEALTH_PATH: &str = "/healthz";
const READY_PATH: &str = "/readyz";
/// Interfaces between services lie below this path; users have no business there, whatever the host.
const INTERNAL_PATH: &str = "/internal";

/// Which hosts a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Public,
    Internal,
}

/// Everything that connections share.
pub struct Gateway {
    pub config: GatewaySection,
    pub resolver: Arc<dyn Resolver>,
    pub stopping: Stopping,
    domains: Domains,
    /// Who has only an address asks for this one.
    anonymous: String,
    table: RwLock<Arc<Table>>,
    pub forwarder: Forwarder,
    metrics: fn() -> String,
    connections: Arc<Semaphore>,
}

/// One connection of a client.
pub struct Connection {
    pub side: Side,
    pub peer: IpAddr,
    pub https: bool,
    /// Requests whose answers have not left yet.
    in_flight: AtomicUsize,
    /// When the last answer left, in milliseconds since the connection came.
    idle_since_ms: AtomicU64,
    came: Instant,
    _permit: OwnedSemaphorePermit,
}

/// A request whose answer has not left yet.
pub struct InFlight(Arc<Connection>);

impl InFlight {
    fn new(connection: Arc<Connection>) -> Self {
        connection.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(connection)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.came.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since_ms.store(now, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// How long nothing has been in flight; zero while something is.
    pub fn idle(&self) -> Duration {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        self.came.elapsed().saturating_sub(Duration::from_millis(self.idle_since_ms.load(Ordering::Relaxed)))
    }
}

enum Found {
    Local(Response<Body>),
    Route(Arc<Route>),
}

impl Gateway {
    pub fn new(
        config: GatewaySection,
        domains: Domains,
        table: Table,
        resolver: Arc<dyn Resolver>,
        metrics: fn() -> String,
        stopping: Stopping,
    ) -> Self {
        let forwarder = Forwarder::new(&config);
        let connections = Arc::new(Semaphore::new(config.connections_max as usize));
        let anonymous = format!("api.{}", domains.public_domain);
        let table = RwLock::new(Arc::new(table));
        Self { config, resolver, stopping, domains, anonymous, table, forwarder, metrics, connections }
    }

    /// Takes a client in; none when there are too many.
    pub fn admit(&self, side: Side, peer: IpAddr, https: bool) -> Option<Arc<Connection>> {
        let permit = self.connections.clone().try_acquire_owned().ok()?;
        Some(Arc::new(Connection {
            side,
            peer: peer.to_canonical(),
            https,
            in_flight: AtomicUsize::new(0),
            idle_since_ms: AtomicU64::new(0),
            came: Instant::now(),
            _permit: permit,
        }))
    }

    /// Returns once no connection is open.
    pub async fn drained(&self) {
        // The semaphore is never closed.
        let _ = self.connections.acquire_many(self.config.connections_max).await;
    }

    /// Puts another table in place; requests under way keep theirs.
    pub fn replace(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }

    fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers a request, by its service or by itself.
    pub async fn answer(&self, connection: Arc<Connection>, request: Request<Incoming>) -> Response<Body> {
        let in_flight = InFlight::new(connection.clone());
        let response = match self.find(&connection, &request) {
            Err(refusal) => refusal.response(),
            Ok(Found::Local(response)) => response,
            Ok(Found::Route(route)) => {
                let began = Instant::now();
                let response = self.pass(&connection, &route, request).await;
                if let Some(meter) = &route.meter {
                    meter.count(response.status(), began.elapsed());
                }
                response
            }
        };
        response.map(|body| body.holding(in_flight))
    }

    fn find(&self, connection: &Connection, request: &Request<Incoming>) -> Result<Found, Refusal> {
        if [Method::CONNECT, Method::TRACE].contains(request.method()) {
            return Err(Refusal::Method);
        }
        let path = plain_path(request)?;
        let host = target::host_of(request)?;
        let internal = host.is_within(&self.domains.internal_domain);
        let name = match connection.side {
            Side::Public if internal || is_internal_path(path) => return Err(Refusal::NotFound),
            Side::Public if host.is_anonymous() => self.anonymous.as_str(),
            Side::Internal if host.is_anonymous() => return self.local(request.method(), path),
            Side::Internal if !internal => return Err(Refusal::NotFound),
            _ => host.as_str(),
        };
        self.table().find(name, path).cloned().map(Found::Route).ok_or(Refusal::NotFound)
    }

    /// What the internal listener tells of the gateway itself.
    fn local(&self, method: &Method, path: &str) -> Result<Found, Refusal> {
        let text = match path {
            METRICS_PATH => (self.metrics)(),
            HEALTH_PATH => "ok\n".to_owned(),
            READY_PATH => match health::answer(path, None) {
                Some(answer) if answer.status != StatusCode::OK => return Err(Refusal::Down),
                _ => "ready\n".to_owned(),
            },
            _ => return Err(Refusal::NotFound),
        };
        if ![Method::GET, Method::HEAD].contains(method) {
            return Err(Refusal::Method);
        }
        let mut response = Response::new(Body::text(text));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
        Ok(Found::Local(response))
    }

    /// The route's plugins around the service, in APISIX's order.
    async fn pass(
        &self,
        connection: &Arc<Connection>,
        route: &Route,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        let plugins = &route.plugins;
        let origin = match &plugins.real_ip {
            Some(real_ip) => real_ip.origin(connection.peer, connection.https, request.headers()),
            None => Origin { client: connection.peer, https: connection.https, before: None },
        };
        let named = plugins.request_id.as_ref().map(|plugin| (plugin, plugin.apply(request.headers_mut())));
        let asked_from = request.headers().get(ORIGIN).cloned();
        let mut response = self.limited(connection, route, origin, request).await;
        let headers = response.headers_mut();
        if let Some(cors) = &plugins.cors {
            cors.allow(asked_from.as_ref(), headers);
        }
        if let Some((RequestId { answered: true, .. }, value)) = &named {
            let header = plugins.request_id.as_ref().map(RequestId::header);
            headers.extend(header.map(|header| (header, value.clone())));
        }
        response
    }

    async fn limited(
        &self,
        connection: &Arc<Connection>,
        route: &Route,
        origin: Origin,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let plugins = &route.plugins;
        let (client, headers) = (origin.client, request.headers());
        if let Some(answer) = plugins.cors.as_ref().and_then(|cors| cors.preflight(request.method(), headers)) {
            return answer;
        }
        if let Some(plugin) = plugins.ip_restriction.as_ref().filter(|plugin| !plugin.allows(client)) {
            return Refusal::Forbidden.response_as(plugin.status);
        }
        let quota = plugins.limit_count.as_ref().map(|plugin| (plugin, plugin.take(client, headers, Instant::now())));
        if let Some((plugin, quota)) = quota.as_ref().filter(|(_, quota)| !quota.allowed) {
            let mut response = Refusal::TooMany.response_as(plugin.status);
            plugin.show(*quota, response.headers_mut());
            return response;
        }
        if let Some(plugin) = &plugins.limit_req {
            match plugin.take(client, headers, Instant::now()) {
                None => return Refusal::TooMany.response_as(plugin.status),
                Some(Duration::ZERO) => {}
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
        let passed = Box::pin(self.send(connection, route, &origin, request)).await;
        let mut response = passed.unwrap_or_else(Refusal::response);
        if let Some((plugin, quota)) = quota {
            plugin.show(quota, response.headers_mut());
        }
        response
    }

    async fn send(
        &self,
        connection: &Arc<Connection>,
        route: &Route,
        origin: &Origin,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        let asks_upgrade = upgrade::is_asked(&request);
        let handle = (route.websocket && asks_upgrade).then(|| upgrade::Handle::take(&mut request)).transpose()?;
        let mut nodes = route.upstream(&*self.resolver);
        self.forwarder.nodes.order(&mut nodes, Instant::now());
        let target = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let authority = request.uri().authority().cloned();
        let (mut parts, body) = request.into_parts();
        remove_hop_by_hop(&mut parts.headers);
        set_origin(&mut parts.headers, origin, connection.peer);
        // HTTP/2 has no Host, and may send a cookie in pieces.
        if let (false, Some(authority)) = (parts.headers.contains_key(HOST), authority) {
            parts.headers.insert(HOST, authority.as_str().parse().map_err(|_| Refusal::Host)?);
        }
        crate::headers::join_cookies(&mut parts.headers);
        let target = match &route.plugins.proxy_rewrite {
            None => target,
            Some(plugin) => {
                plugin.headers(&mut parts.headers);
                plugin.target(&target)
            }
        };
        match handle {
            Some(handle) => upgrade::run(self, connection.clone(), handle, &nodes, parts.headers, target).await,
            None => self.forwarder.send(&nodes, parts.method, parts.headers, target, body).await,
        }
    }
}

fn plain_path(request: &Request<Incoming>) -> Result<&str, Refusal> {
    let uri = request.uri();
    // An absolute form without a path has one that is not among its bytes.
    if !uri.path_and_query().is_some_and(|target| target.as_str().starts_with('/')) {
        return Err(Refusal::Path);
    }
    target::check_path(uri.path())?;
    Ok(uri.path())
}

fn is_internal_path(path: &str) -> bool {
    let head = path.get(..INTERNAL_PATH.len()).unwrap_or("");
    head.eq_ignore_ascii_case(INTERNAL_PATH) && matches!(path.as_bytes().get(INTERNAL_PATH.len()), None | Some(b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_paths_are_told_from_others() {
        let rows = [
            ("/internal", true),
            ("/internal/", true),
            ("/internal/v1/users", true),
            ("/Internal/v1", true),
            ("/internals", false),
            ("/api/internal/", false),
            ("/", false),
        ];
        for (path, want) in rows {
            assert_eq!(is_internal_path(path), want, "{path}");
        }
    }
}
