//! The registry of one process.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Endpoint, Endpoints, Registration, Registry, RegistryError, ServiceName, Watch};

/// Knows the services of this process, and those it is told of by configuration.
#[derive(Clone, Default)]
pub struct EmbeddedRegistry {
    endpoints: Arc<Mutex<Endpoints>>,
}

impl EmbeddedRegistry {
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Endpoints) -> T) -> T {
        // A list is replaced whole, so it is sound even when somebody panicked while holding the lock.
        act(&mut self.endpoints.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn insert(&self, service: &str, endpoint: Endpoint) -> Result<(), RegistryError> {
        self.with(|all| {
            let sender = all.entry(service.to_owned()).or_default();
            let mut list = sender.borrow().clone();
            match list.binary_search_by(|known| known.instance.cmp(&endpoint.instance)) {
                Ok(index) => Err(RegistryError::Taken {
                    service: service.to_owned(),
                    instance: endpoint.instance,
                    address: list[index].address,
                }),
                Err(index) => {
                    list.insert(index, endpoint);
                    sender.send_replace(list);
                    Ok(())
                }
            }
        })
    }

    fn remove(&self, service: &str, instance: &str) {
        self.with(|all| {
            if let Some(sender) = all.get(service) {
                sender.send_modify(|list| list.retain(|known| known.instance != instance));
            }
        });
    }
}

#[async_trait]
impl Registry for EmbeddedRegistry {
    async fn register(
        &self,
        service: ServiceName<'_>,
        instance: &str,
        address: SocketAddr,
    ) -> Result<Registration, RegistryError> {
        let endpoint = Endpoint { instance: instance.to_owned(), address };
        self.insert(service, endpoint)?;
        let (registry, service, instance) = (self.clone(), service.to_owned(), instance.to_owned());
        Ok(Registration::new(move || registry.remove(&service, &instance)))
    }

    async fn resolve(&self, service: ServiceName<'_>) -> Result<Vec<Endpoint>, RegistryError> {
        Ok(self.with(|all| all.get(service).map(|sender| sender.borrow().clone()).unwrap_or_default()))
    }

    async fn watch(&self, service: ServiceName<'_>) -> Result<Watch, RegistryError> {
        Ok(self.with(|all| all.entry(service.to_owned()).or_default().subscribe()))
    }
}
