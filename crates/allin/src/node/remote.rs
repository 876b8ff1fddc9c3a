//! What this process does not run itself: peers at the topology's addresses, watched where a service here needs them.

use allin_exchange::health::Need;
use allin_exchange::remote::Peer;
use allin_topology::DEMO;
use std::sync::Arc;

use super::{Failure, Node, Plan};

/// A way to a service's port.
pub fn peer(plan: &Plan, service: &str, port: u16) -> Result<Peer, Failure> {
    let address =
        plan.deployment.addresses.endpoint(service, port).ok_or_else(|| format!("{service} has no port {port}"))?;
    Ok(Peer::new(&format!("{service}.{port}"), &address, &plan.token.held_by(caller(plan, service)))?)
}

/// As whom this process calls a service: the first of those here that may.
fn caller(plan: &Plan, service: &str) -> &'static str {
    let here = plan.services.iter().copied().chain(plan.maker.then_some(DEMO));
    here.into_iter().find(|name| plan.deployment.topology.has_arrow(name, service)).unwrap_or(plan.first_name())
}

/// The same, and the process is not ready without it, if a service here is among those that ask it.
pub fn needed(plan: &Plan, node: &mut Node, service: &str, port: u16, by: &[&str]) -> Result<Peer, Failure> {
    let peer = peer(plan, service, port)?;
    if by.iter().any(|name| plan.runs(name)) {
        let need = need(plan, &peer);
        let stopping = node.needs.stopping();
        node.needs.spawn(peer.clone().watch(need, stopping));
    }
    Ok(peer)
}

/// A need that somebody else keeps up to date.
pub fn need(plan: &Plan, peer: &Peer) -> Arc<Need> {
    plan.health.need(peer.name().to_owned())
}
