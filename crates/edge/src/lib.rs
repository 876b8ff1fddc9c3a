//! Owns the gateway: listeners, TLS, routes and plugins in front of the services.
//! Never looks into what it forwards, never sends a request twice (a node to which there is no connection was sent nothing,
//! so the next one gets it), never serves an internal host on the public listener:
//! the bytes of path and query that are matched are the bytes that are forwarded.
//! Known limits: upstreams speak HTTP/1.1 without TLS; what the limit plugins count is counted in this process.

mod body;
mod config;
mod forward;
mod gateway;
mod headers;
mod nlb;
mod nodes;
mod plugins;
mod refusal;
mod reload;
mod routes;
mod serve;
mod target;
pub mod tls;
mod tunnel;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;

use allin_exchange::service::{Running, ServiceError, Starting};
use allin_topology::Settings as Domains;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use config::{GatewaySection, TlsListen};
pub use routes::{RoutesError, Table};

/// Knows where the ports of services are served.
pub trait Resolver: Send + Sync + 'static {
    /// The address of a service's port; none when it is not running anywhere that is known.
    fn resolve(&self, service: &str, port: u16) -> Option<SocketAddr>;

    /// The addresses of all its instances.
    fn resolve_all(&self, service: &str, port: u16) -> Vec<SocketAddr> {
        self.resolve(service, port).into_iter().collect()
    }
}

/// Bound listeners.
pub struct Listeners {
    /// Plain HTTP/1 and HTTP/2 for users; never reaches an internal host.
    pub public: TcpListener,
    /// The same over TLS.
    pub tls: Option<(TcpListener, Arc<rustls::ServerConfig>)>,
    /// For operators and services: internal hosts only.
    pub internal: Option<TcpListener>,
    /// Passed through, byte by byte, to this service and port.
    pub nlb: Option<(TcpListener, &'static str, u16)>,
}

/// What the gateway needs of the world.
pub struct Handles {
    pub domains: Domains,
    /// The table in APISIX's standalone form, used unless `gateway.routes_file` names a file. A newer one that can be used takes
    /// its place.
    pub routes: watch::Receiver<String>,
    pub resolver: Arc<dyn Resolver>,
    pub listeners: Listeners,
    /// The process's metrics as text, for the internal listener.
    pub metrics: fn() -> String,
}

/// Serves all listeners. A table that cannot be used is told here, with every name that it has and we do not know.
pub fn start(name: &'static str, config: GatewaySection, handles: Handles) -> Result<Running, ServiceError> {
    let Handles { domains, routes, resolver, listeners, metrics } = handles;
    let mut starting = Starting::new(name);
    let text = match config.file() {
        None => routes.borrow().clone(),
        Some(path) => reload::read(path).map_err(|error| ServiceError::failed(name, error))?,
    };
    let table = Table::parse(&text).map_err(|error| ServiceError::failed(name, error))?;
    let watched = config.file().map(std::path::Path::to_path_buf);
    let gateway = Arc::new(gateway::Gateway::new(config, domains, table, resolver, metrics, starting.stopping()));
    match watched {
        Some(path) => starting.spawn(reload::run(path, text, gateway.clone(), starting.stopping())),
        None => starting.spawn(reload::follow(routes, gateway.clone(), starting.stopping())),
    }
    let Listeners { public, tls, internal, nlb } = listeners;
    starting.listens(&public)?;
    starting.spawn(serve::plain(gateway.clone(), gateway::Side::Public, public, starting.stopping()));
    if let Some(internal) = internal {
        starting.listens(&internal)?;
        starting.spawn(serve::plain(gateway.clone(), gateway::Side::Internal, internal, starting.stopping()));
    }
    if let Some((listener, config)) = tls {
        starting.listens(&listener)?;
        starting.spawn(serve::encrypted(gateway.clone(), listener, config, starting.stopping()));
    }
    if let Some((listener, service, port)) = nlb {
        starting.listens(&listener)?;
        starting.spawn(nlb::run(gateway, listener, service, port, starting.stopping()));
    }
    Ok(starting.running())
}
