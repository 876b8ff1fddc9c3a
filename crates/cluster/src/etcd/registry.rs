//! The registry of several machines: a key an instance, which goes when the instance stops saying that it is there.

use std::net::SocketAddr;
use std::time::Duration;

use allin_runtime::registry::{Endpoint, Registration, Registry, RegistryError, ServiceName, Watch};
use async_trait::async_trait;
use tokio::sync::watch;

use super::client::Pair;
use super::{Etcd, EtcdError, EtcdSection};

/// Before a connection that broke is tried again.
const RETRY: Duration = Duration::from_millis(300);

#[derive(Clone, Debug)]
pub struct EtcdRegistry {
    etcd: Etcd,
    prefix: String,
    lease_s: u32,
}

impl EtcdRegistry {
    pub fn new(etcd: Etcd, section: &EtcdSection) -> EtcdRegistry {
        EtcdRegistry { etcd, prefix: format!("{}/services", section.prefix), lease_s: section.service_lease_s }
    }

    fn folder(&self, service: &str) -> String {
        format!("{}/{service}/", self.prefix)
    }

    async fn put(&self, key: &str, service: &str, endpoint: &Endpoint) -> Result<i64, RegistryError> {
        let lease = self.etcd.grant(self.lease_s).await?;
        let text = endpoint.address.to_string();
        if self.etcd.create(key, &text, lease).await? {
            return Ok(lease);
        }
        let other = self.etcd.get(key).await?.filter(|value| *value != text);
        match other.and_then(|value| value.parse().ok()) {
            // It is at our own address, so it was an earlier self that could not say farewell.
            None => self.etcd.put(key, &text, lease).await.map(|()| lease).map_err(Into::into),
            Some(address) => {
                self.etcd.revoke(lease).await?;
                let (service, instance) = (service.to_owned(), endpoint.instance.clone());
                Err(RegistryError::Taken { service, instance, address })
            }
        }
    }

    /// Keeps an instance known for as long as `withdrawn` has a sender, over every outage of etcd.
    async fn keep(self, mut lease: i64, key: String, text: String, mut withdrawn: watch::Receiver<()>) {
        let every = Duration::from_secs(self.lease_s.into()) / 4;
        loop {
            tokio::select! {
                _ = withdrawn.changed() => break,
                () = tokio::time::sleep(every) => {}
            }
            let kept = match self.etcd.keep_alive(lease).await {
                Err(EtcdError::LeaseOver) => self.renew(&key, &text).await.map(|new| lease = new),
                other => other,
            };
            if let Err(error) = kept {
                tracing::warn!(key, %error, "cannot stay registered");
            }
        }
        if let Err(error) = self.etcd.revoke(lease).await {
            tracing::warn!(key, %error, "stays registered until its lease is over");
        }
    }

    async fn renew(&self, key: &str, text: &str) -> Result<i64, EtcdError> {
        let lease = self.etcd.grant(self.lease_s).await?;
        self.etcd.put(key, text, lease).await.map(|()| lease)
    }

    /// Tells every change until nobody listens.
    async fn follow(self, folder: String, list: watch::Sender<Vec<Endpoint>>) {
        while !list.is_closed() {
            let ended = tokio::select! {
                ended = self.follow_once(&folder, &list) => ended,
                () = list.closed() => return,
            };
            if let Err(error) = ended {
                tracing::warn!(folder, %error, "the list of endpoints is not told");
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn follow_once(&self, folder: &str, list: &watch::Sender<Vec<Endpoint>>) -> Result<(), EtcdError> {
        loop {
            let (pairs, revision) = self.etcd.range(folder).await?;
            let now = endpoints(folder, pairs);
            list.send_if_modified(|before| std::mem::replace(before, now.clone()) != now);
            let mut changes = self.etcd.watch(folder, revision).await?;
            loop {
                let change = changes.message().await.map_err(|status| EtcdError::Away(status.to_string()))?;
                match change {
                    None => return Ok(()),
                    Some(change) if change.canceled => return Ok(()),
                    Some(change) if change.events.is_empty() => {}
                    // The whole list again: it is short, and cannot go wrong.
                    Some(_) => break,
                }
            }
        }
    }
}

fn endpoints(folder: &str, pairs: Vec<Pair>) -> Vec<Endpoint> {
    let endpoint = |pair: Pair| {
        let instance = pair.key.strip_prefix(folder)?.to_owned();
        Some(Endpoint { instance, address: pair.value.parse().ok()? })
    };
    let mut list: Vec<Endpoint> = pairs.into_iter().filter_map(endpoint).collect();
    list.sort();
    list
}

impl From<EtcdError> for RegistryError {
    fn from(error: EtcdError) -> RegistryError {
        RegistryError::Unavailable(error.to_string())
    }
}

#[async_trait]
impl Registry for EtcdRegistry {
    async fn register(
        &self,
        service: ServiceName<'_>,
        instance: &str,
        address: SocketAddr,
    ) -> Result<Registration, RegistryError> {
        let key = format!("{}{instance}", self.folder(service));
        let endpoint = Endpoint { instance: instance.to_owned(), address };
        let lease = self.put(&key, service, &endpoint).await?;
        let (withdraw, withdrawn) = watch::channel(());
        tokio::spawn(self.clone().keep(lease, key, address.to_string(), withdrawn));
        Ok(Registration::new(move || drop(withdraw)))
    }

    async fn resolve(&self, service: ServiceName<'_>) -> Result<Vec<Endpoint>, RegistryError> {
        let folder = self.folder(service);
        let (pairs, _) = self.etcd.range(&folder).await?;
        Ok(endpoints(&folder, pairs))
    }

    async fn watch(&self, service: ServiceName<'_>) -> Result<Watch, RegistryError> {
        let folder = self.folder(service);
        let (pairs, _) = self.etcd.range(&folder).await?;
        let (list, watch) = watch::channel(endpoints(&folder, pairs));
        tokio::spawn(self.clone().follow(folder, list));
        Ok(watch)
    }
}
