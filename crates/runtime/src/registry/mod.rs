//! Owns discovery: which instances of a service there are, and where.
//! Never checks health: an endpoint that is listed may be down.
//! Known limits: the embedded registry lives in one process; `allin-cluster` implements the same trait with etcd.

mod embedded;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::sync::watch;

pub use embedded::EmbeddedRegistry;

/// One instance of a service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Endpoint {
    /// Unique among the instances of the service.
    pub instance: String,
    pub address: SocketAddr,
}

/// Why the registry did not answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("{service}: instance {instance} is registered at {address} already")]
    Taken { service: String, instance: String, address: SocketAddr },
    #[error("the registry is away: {0}")]
    Unavailable(String),
}

/// Keeps an instance registered; dropping it takes the instance out.
pub struct Registration {
    withdraw: Option<Box<dyn FnOnce() + Send>>,
}

impl Registration {
    /// `withdraw` is called once, when the registration is dropped.
    pub fn new(withdraw: impl FnOnce() + Send + 'static) -> Self {
        Self { withdraw: Some(Box::new(withdraw)) }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(withdraw) = self.withdraw.take() {
            withdraw();
        }
    }
}

/// All endpoints of a service, in the order of their instances; changes with every registration.
pub type Watch = watch::Receiver<Vec<Endpoint>>;

/// A service and one of its ports: services with several ports register each (`"landry-ces-cachecenter:7803"`).
pub type ServiceName<'a> = &'a str;

#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Makes an instance known until the registration is dropped. The same instance twice is refused.
    async fn register(
        &self,
        service: ServiceName<'_>,
        instance: &str,
        address: SocketAddr,
    ) -> Result<Registration, RegistryError>;

    /// The instances known now.
    async fn resolve(&self, service: ServiceName<'_>) -> Result<Vec<Endpoint>, RegistryError>;

    /// The instances known now and every change from now on.
    async fn watch(&self, service: ServiceName<'_>) -> Result<Watch, RegistryError>;
}

type Endpoints = BTreeMap<String, watch::Sender<Vec<Endpoint>>>;
