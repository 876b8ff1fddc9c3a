//! The files of `deploy/` that follow from the topology: Kubernetes manifests, the laptop's compose file, what Terraform
//! has to know, and with them SERVICES.md and the gateway's table. Services that are not built are left out of what runs.

mod arrows;
mod compose;
mod kubernetes;
mod middleware;
mod settings;
mod terraform;
mod yaml;

use crate::{
    model::{Kind, Protocol, Service, Settings, Topology},
    render::View,
};

/// The image that every service runs from; a deployment names its registry and version.
const IMAGE: &str = "allin";
/// The gateway's image.
const GATEWAY_IMAGE: &str = "apache/apisix:3.14.1-debian";
/// Where the gateway listens in its container.
const GATEWAY_PORT: u16 = 9080;
/// Where it tells of itself; never behind a balancer.
const GATEWAY_STATUS_PORT: u16 = 7085;
/// The namespace of the gateway.
const EDGE: &str = "edge";
/// First line of every generated file; what begins so and is no longer written is left over.
pub(super) const MARK: &str =
    "# Written by `allin topology --write` from topology.yaml; a test fails when it is stale.";

/// A file that is made from the topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the root of the repository.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

impl File {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// Whether a file's text says that it is one of these; one that is no longer written is left over.
pub fn is_generated(text: &str) -> bool {
    text.starts_with(MARK)
}

/// The base of the manifests as one stream.
pub(super) fn kubernetes_base(view: View<'_>) -> String {
    kubernetes::render(view)
}

/// The laptop's compose file.
pub(super) fn compose_file(view: View<'_>) -> String {
    compose::render(view)
}

/// What Terraform has to know.
pub(super) fn terraform_locals(view: View<'_>) -> String {
    terraform::render(view)
}

/// Every generated file.
pub(super) fn files(view: View<'_>) -> Vec<File> {
    let mut files = vec![
        File::new("SERVICES.md", view.markdown()),
        File::new("deploy/apisix/apisix.yaml", view.apisix()),
        File::new("deploy/compose/compose.yaml", compose::render(view)),
        File::new(
            "deploy/compose/allin.toml",
            settings::file(settings::Place::Laptop, &local(view.topology).settings, view, |one| one.id.clone()),
        ),
        File::new("deploy/compose/apisix.yaml", crate::render::apisix(&local(view.topology))),
        File::new("deploy/terraform/topology.tf.json", terraform::render(view)),
    ];
    files.extend(kubernetes::files(view));
    files
}

/// The topology under the domains that lead to the machine itself, as `allin up` has it.
fn local(topology: &Topology) -> Topology {
    topology.with_settings(Settings {
        public_domain: "allin.localhost".to_owned(),
        public_aliases: Vec::new(),
        internal_domain: "aie.localhost".to_owned(),
    })
}

/// The built services, in the order of the topology.
fn built<'a>(view: View<'a>) -> impl Iterator<Item = &'a Service> {
    view.topology.services.iter().filter(move |service| view.is_built(service))
}

/// The built services that run always.
fn running<'a>(view: View<'a>) -> impl Iterator<Item = &'a Service> {
    built(view).filter(|service| service.kind == Kind::Service)
}

/// The port that the gateway leads to when a host is a service's name.
fn http_port(service: &Service) -> Option<u16> {
    service.ports.iter().find(|port| port.protocol == Protocol::Http).map(|port| port.port)
}
