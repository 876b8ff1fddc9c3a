//! The ports of a node, all bound before anything starts, so that a taken address is told at once.

use std::collections::BTreeMap;

use allin_exchange::service::bind;
use allin_runtime::config::Listen;
use tokio::net::TcpListener;

use super::{Failure, Plan};

/// Bound listeners by service and port.
#[derive(Default)]
pub struct Listeners(BTreeMap<(&'static str, u16), TcpListener>);

impl Listeners {
    /// Binds every port of the services that run here. With `node.listen = "off"` none: these ports are all internal.
    pub async fn bind(plan: &Plan) -> Result<Listeners, Failure> {
        let mut listeners = BTreeMap::new();
        if plan.listen == Listen::Off {
            return Ok(Listeners(listeners));
        }
        for name in &plan.services {
            let service = plan.deployment.topology.service(name).ok_or_else(|| format!("no service {name}"))?;
            for port in &service.ports {
                let address = plan.deployment.addresses.of(name, port.port).ok_or("every port has its address")?;
                let bound = bind(name, address).await.map_err(|error| {
                    format!("{error}; set ports.\"{name}.{}\" to another address, or stop what holds it", port.port)
                })?;
                listeners.insert((*name, port.port), bound);
            }
        }
        Ok(Listeners(listeners))
    }

    /// The listener of a port, for the service to serve; none when the port is not served.
    pub fn take(&mut self, service: &'static str, port: u16) -> Option<TcpListener> {
        self.0.remove(&(service, port))
    }
}
