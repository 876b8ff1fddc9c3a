//! Which processes there are, in the order of the topology.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use allin_topology::{DEMO, GATEWAY, Topology};

use super::Plan;
use crate::node::Failure;
use crate::registry;

const ENGINE: &str = "landry-ces-matchengine";

/// A process to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub service: &'static str,
    pub instance: u8,
    /// After those whom it depends on: they are stopped after it.
    pub stage: usize,
    pub health: SocketAddr,
    /// Where it listens, for people.
    pub addresses: Vec<SocketAddr>,
}

impl Post {
    /// The service, and its instance if it is not the first.
    pub fn name(&self) -> String {
        match self.instance {
            0 => self.service.to_owned(),
            instance => format!("{}-{instance}", self.service),
        }
    }
}

/// All posts, those that others depend on first.
pub fn posts(plan: &Plan) -> Result<Vec<Post>, Failure> {
    let stages = stages(&plan.deployment.topology, &registry::built());
    let last = stages.values().max().map_or(0, |stage| stage + 1);
    let mut names: Vec<(&'static str, usize)> = stages.into_iter().collect();
    names.push((GATEWAY, last));
    if plan.demo {
        names.push((DEMO, last + 1));
    }
    names.sort_by_key(|(_, stage)| *stage);
    let addresses = &plan.deployment.addresses;
    let mut posts = vec![];
    for (service, stage) in names {
        for instance in 0..plan.deployment.instances.of(service) {
            let home = addresses.home(service, instance).ok_or_else(|| format!("{service} has no address"))?;
            let ports = plan.deployment.topology.service(service).map_or(&[][..], |known| &known.ports[..]);
            let served = |port: u16| addresses.of_instance(service, port, instance);
            let served: Option<Vec<SocketAddr>> = ports.iter().map(|port| served(port.port)).collect();
            let addresses = served.ok_or_else(|| {
                format!("say where instance {instance} of {service} listens: set ports.\"{service}@{instance}.PORT\"")
            })?;
            let health = SocketAddr::from((home, plan.health_port));
            posts.push(Post { service, instance, stage, health, addresses });
        }
    }
    Ok(posts)
}

/// The longest way to a service that depends on nothing, among those that are built. The engine comes before all others,
/// also those that reach it through middleware where there is some.
fn stages(topology: &Topology, built: &BTreeSet<&'static str>) -> BTreeMap<&'static str, usize> {
    let mut stages: BTreeMap<&'static str, usize> =
        built.iter().map(|name| (*name, usize::from(*name != ENGINE))).collect();
    // Once for each service is enough, because there is no circle.
    for _ in built {
        for name in built {
            let needs = topology.service(name).map_or(&[][..], |service| &service.depends_on[..]);
            let after = needs.iter().filter_map(|need| stages.get(need.as_str())).max();
            if let Some(after) = after.copied() {
                let stage = stages.entry(name).or_default();
                *stage = (*stage).max(after + 1);
            }
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_depended_on_comes_before() {
        let topology = Topology::embedded();
        let built = registry::built();
        let stages = stages(topology, &built);
        assert_eq!(stages.len(), built.len());
        for name in &built {
            for need in &topology.service(name).expect("built").depends_on {
                if let Some(before) = stages.get(need.as_str()) {
                    assert!(before < &stages[name], "{need} before {name}");
                }
            }
        }
        assert!(stages.iter().all(|(name, stage)| (*stage == 0) == (*name == ENGINE)));
        assert!(stages["landry-spotapi-web"] > stages["landry-ces-accesshttp"]);
    }
}
