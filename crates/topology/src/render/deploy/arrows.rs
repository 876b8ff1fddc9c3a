//! Who may open a connection to whom: the arrows of the topology between what is built, and nothing else.

use super::{built, http_port, middleware::Engine};
use crate::{
    model::{Middleware, Service},
    render::View,
};

/// The services that this one calls, or pushes to.
pub(super) fn callees<'a>(view: View<'a>, service: &'a Service) -> Vec<&'a Service> {
    built(view).filter(|other| calls(service, other) && !other.ports.is_empty()).collect()
}

/// The services that call this one, or push to it.
pub(super) fn callers<'a>(view: View<'a>, service: &'a Service) -> Vec<&'a Service> {
    built(view).filter(|other| calls(other, service)).collect()
}

/// Data that comes unasked comes over a connection that its receiver opened, where the receiver calls at all.
fn calls(one: &Service, other: &Service) -> bool {
    let pushes = || one.feeds.contains(&other.name) && !other.depends_on.contains(&one.name);
    // Every process reports to the monitoring centre of its namespace, as nodes report to theirs; nobody draws that.
    let reports =
        || other.namespace == one.namespace && other.name.ends_with("-monitorcenter") && one.name != other.name;
    one.depends_on.contains(&other.name) || pushes() || reports()
}

/// The databases, caches and brokers that a service uses. Every process says in etcd where it is, and watches its settings
/// there; the engine's leader and stand-by meet there; nobody draws that.
pub(super) fn middleware<'a>(view: View<'a>, service: &Service) -> Vec<&'a Middleware> {
    let used = |one: &&Middleware| Engine::of(one) == Engine::Etcd || service.depends_on.contains(&one.id);
    view.topology.middleware.iter().filter(used).collect()
}

/// All that the built services use, in the order of the topology.
pub(super) fn middleware_in_use<'a>(view: View<'a>) -> Vec<&'a Middleware> {
    let used =
        |one: &&Middleware| built(view).any(|service| middleware(view, service).iter().any(|other| other.id == one.id));
    view.topology.middleware.iter().filter(used).collect()
}

/// The ports of a service that the gateway leads to: those of its routes, and the one that its name leads to.
pub(super) fn gateway_ports(view: View<'_>, service: &Service) -> Vec<u16> {
    let routes = view.topology.routes.iter().filter(|route| route.upstream.service == service.name);
    let mut ports: Vec<u16> = routes.map(|route| route.upstream.port).chain(http_port(service)).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
