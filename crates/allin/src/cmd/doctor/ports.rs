//! The addresses that the built services are served at.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use allin_runtime::config::{Deployment, Listen};

use super::Finding;
use crate::registry;

pub(super) fn check(listen: Listen, deployment: &Deployment) -> Vec<Finding> {
    let check = "ports";
    if listen == Listen::Off {
        return vec![Finding::ok(check, "internal ports are not served (node.listen = off)")];
    }
    let mut findings = Vec::new();
    let mut free = 0_usize;
    for (name, port, address) in wanted(deployment) {
        match TcpListener::bind(address) {
            Ok(_) => free += 1,
            Err(error) => findings.push(refused(name, port, address, &error)),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(check, format!("{free} addresses are free for the services that are built")));
    }
    findings
}

fn wanted(deployment: &Deployment) -> impl Iterator<Item = (&'static str, u16, SocketAddr)> {
    registry::services().flat_map(move |entry| {
        let service = deployment.topology.service(entry.name);
        let ports = service.map_or(&[][..], |service| &service.ports);
        ports.iter().filter_map(move |port| {
            let address = deployment.addresses.of(entry.name, port.port)?;
            Some((entry.name, port.port, address))
        })
    })
}

fn refused(name: &str, port: u16, address: SocketAddr, error: &io::Error) -> Finding {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => format!("is an exchange running already? else set ports.{name}.{port}"),
        io::ErrorKind::AddrNotAvailable => format!("not this machine's address; set ports.{name}.{port}"),
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need a privilege; set ports.{name}.{port}")
        }
        _ => format!("set ports.{name}.{port} to another address"),
    };
    Finding::fail("ports", format!("{name} cannot be served at {address}: {error}"), advice)
}
