//! `[etcd]`: where it is, and how long leases last.

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

/// `[etcd]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EtcdSection {
    /// `http://host:port`, several with commas between. Without any the process leads alone.
    pub endpoints: String,
    /// All keys begin with it.
    pub prefix: String,
    /// How long a leader that says nothing stays the leader.
    pub leader_lease_s: u32,
    /// How long an instance that says nothing stays known.
    pub service_lease_s: u32,
}

impl Default for EtcdSection {
    fn default() -> Self {
        Self { endpoints: String::new(), prefix: "/allin".to_owned(), leader_lease_s: 3, service_lease_s: 10 }
    }
}

impl EtcdSection {
    pub fn endpoints(&self) -> Vec<&str> {
        self.endpoints.split(',').filter(|endpoint| !endpoint.is_empty()).collect()
    }
}

impl Section for EtcdSection {
    const NAME: &'static str = "etcd";

    fn check(&self) -> Result<(), Invalid> {
        if let Some(endpoint) = self.endpoints().into_iter().find(|endpoint| !endpoint.starts_with("http://")) {
            return Err(Invalid::new("endpoints", format!("{endpoint:?} is not http://host:port")));
        }
        if !self.prefix.starts_with('/') || self.prefix.ends_with('/') {
            return Err(Invalid::new(
                "prefix",
                format!("{:?} does not begin with a slash, or ends with one", self.prefix),
            ));
        }
        for (key, value) in [("leader_lease_s", self.leader_lease_s), ("service_lease_s", self.service_lease_s)] {
            if !(2..=600).contains(&value) {
                return Err(Invalid::new(key, format!("{value} is not between 2 and 600")));
            }
        }
        Ok(())
    }
}
