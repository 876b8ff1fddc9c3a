//! The ports of a node, all bound before anything starts, so that a taken address is told at once. Nobody can connect to
//! one before its service takes it: who would have to wait goes elsewhere, or tries again.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use allin_exchange::guard::{GrpcPort, Guarded};
use allin_exchange::service::ServiceError;
use allin_runtime::config::Listen;
use tokio::net::{TcpListener, TcpSocket};

use super::{Failure, Plan, edge};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Bound sockets by service and port.
#[derive(Default)]
pub struct Listeners {
    bound: BTreeMap<(&'static str, u16), TcpSocket>,
    addresses: BTreeMap<(&'static str, u16), SocketAddr>,
}

impl Listeners {
    /// Binds every port of the services that run here. With `node.listen = "off"` only those behind the gateway, at any
    /// free port of the loopback interface: all others are internal.
    pub fn bind(plan: &Plan) -> Result<Listeners, Failure> {
        let mut listeners = Listeners::default();
        if plan.listen == Listen::Off {
            for (name, port) in edge::SERVED.into_iter().filter(|(name, _)| plan.gateway && plan.runs(name)) {
                let bound = bind(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
                listeners.insert(name, port, bound)?;
            }
            return Ok(listeners);
        }
        for name in &plan.services {
            let service = plan.deployment.topology.service(name).ok_or_else(|| format!("no service {name}"))?;
            for port in &service.ports {
                let address = plan.address(name, port.port)?;
                let bound = bind(name, address).map_err(|error| {
                    format!("{error}; set ports.\"{name}.{}\" to another address, or stop what holds it", port.port)
                })?;
                listeners.insert(name, port.port, bound)?;
            }
        }
        Ok(listeners)
    }

    fn insert(&mut self, service: &'static str, port: u16, socket: TcpSocket) -> Result<(), Failure> {
        self.addresses.insert((service, port), socket.local_addr()?);
        self.bound.insert((service, port), socket);
        Ok(())
    }

    /// The listener of a port, for the service to serve; none when the port is not served.
    pub fn take(&mut self, service: &'static str, port: u16) -> Result<Option<TcpListener>, Failure> {
        let listen = |socket: TcpSocket| {
            let address = socket.local_addr()?;
            socket.listen(BACKLOG).map_err(|error| refused(service, address, error).into())
        };
        self.bound.remove(&(service, port)).map(listen).transpose()
    }

    /// The same for a gRPC port, with what checks the passes of its callers.
    pub fn take_grpc(&mut self, plan: &Plan, service: &'static str, port: u16) -> Result<GrpcPort, Failure> {
        let verifier = plan.token.verifier(service);
        Ok(self.take(service, port)?.map(|listener| Guarded { listener, verifier }))
    }

    /// Where each port is served, taken or not.
    pub fn addresses(&self) -> &BTreeMap<(&'static str, u16), SocketAddr> {
        &self.addresses
    }
}

/// Takes an address, so that nobody else can; port 0 gives a free one.
fn bind(service: &'static str, address: SocketAddr) -> Result<TcpSocket, Failure> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Else connections of the process before this one would hold the address for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address).map_err(|error| refused(service, address, error))?;
    Ok(socket)
}

fn refused(name: &'static str, address: SocketAddr, error: std::io::Error) -> ServiceError {
    ServiceError::Listen { name, address, error }
}
