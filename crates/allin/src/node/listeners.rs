//! The ports of a node, all bound before anything starts, so that a taken address is told at once.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use allin_exchange::guard::{GrpcPort, Guarded};
use allin_exchange::service::bind;
use allin_runtime::config::Listen;
use tokio::net::TcpListener;

use super::{Failure, Plan, edge};

/// Bound listeners by service and port.
#[derive(Default)]
pub struct Listeners {
    bound: BTreeMap<(&'static str, u16), TcpListener>,
    addresses: BTreeMap<(&'static str, u16), SocketAddr>,
}

impl Listeners {
    /// Binds every port of the services that run here. With `node.listen = "off"` only those behind the gateway, at any
    /// free port of the loopback interface: all others are internal.
    pub async fn bind(plan: &Plan) -> Result<Listeners, Failure> {
        let mut listeners = Listeners::default();
        if plan.listen == Listen::Off {
            for (name, port) in edge::SERVED.into_iter().filter(|(name, _)| plan.gateway && plan.runs(name)) {
                let bound = bind(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
                listeners.insert(name, port, bound)?;
            }
            return Ok(listeners);
        }
        for name in &plan.services {
            let service = plan.deployment.topology.service(name).ok_or_else(|| format!("no service {name}"))?;
            for port in &service.ports {
                let address = plan.address(name, port.port)?;
                let bound = bind(name, address).await.map_err(|error| {
                    format!("{error}; set ports.\"{name}.{}\" to another address, or stop what holds it", port.port)
                })?;
                listeners.insert(name, port.port, bound)?;
            }
        }
        Ok(listeners)
    }

    fn insert(&mut self, service: &'static str, port: u16, listener: TcpListener) -> Result<(), Failure> {
        self.addresses.insert((service, port), listener.local_addr()?);
        self.bound.insert((service, port), listener);
        Ok(())
    }

    /// The listener of a port, for the service to serve; none when the port is not served.
    pub fn take(&mut self, service: &'static str, port: u16) -> Option<TcpListener> {
        self.bound.remove(&(service, port))
    }

    /// The same for a gRPC port, with the token that its callers present.
    pub fn take_grpc(&mut self, plan: &Plan, service: &'static str, port: u16) -> GrpcPort {
        self.take(service, port).map(|listener| Guarded { listener, token: plan.token.clone() })
    }

    /// Where each port is served, taken or not.
    pub fn addresses(&self) -> &BTreeMap<(&'static str, u16), SocketAddr> {
        &self.addresses
    }
}
