//! The shard of this process: on files of its own, or on a log that others share, where one leads and the rest stand by.

use std::sync::Arc;

use allin_cluster::etcd::{Etcd, EtcdRegistry, EtcdSection, Lease};
use allin_cluster::kafka::{KafkaLog, KafkaSection, topic};
use allin_cluster::member::StandBy;
use allin_core::spot::Spot;
use allin_runtime::config::{LogKind, LogSection, Settings};
use allin_runtime::registry::{Registration, Registry};
use allin_runtime::shard::{Setup, Shard};
use tokio::task::spawn_blocking;

use super::{Failure, Listeners};

/// A shard that takes commands, and what entitles it to.
pub struct Leading {
    pub shard: Shard,
    pub lease: Option<Lease>,
}

/// Returns when this process leads: at once on files, and on a shared log when nobody else does any more.
pub async fn start(settings: &Settings, setup: Setup<Spot>) -> Result<Leading, Failure> {
    let log: LogSection = settings.section()?;
    match log.kind {
        LogKind::Files => {
            let shard = spawn_blocking(move || Shard::start(setup)).await??;
            Ok(Leading { shard, lease: None })
        }
        LogKind::Kafka => on_kafka(settings, setup).await,
    }
}

async fn on_kafka(settings: &Settings, setup: Setup<Spot>) -> Result<Leading, Failure> {
    let (kafka, etcd): (KafkaSection, EtcdSection) = (settings.section()?, settings.section()?);
    let shard = setup.log.shard.clone();
    let log = KafkaLog::new(&shard, &kafka);
    let looked = log.clone();
    spawn_blocking(move || topic::ensure(&looked, &kafka)).await??;
    let standby = StandBy::start(&log, &setup)?;
    let lease = match etcd.endpoints()[..] {
        [] => None,
        ref endpoints => {
            tracing::info!(shard, "stands by until the lease is free");
            let key = format!("{}/leader/{shard}", etcd.prefix);
            let (etcd, holder) = (Etcd::new(endpoints)?, instance());
            let seconds = settings.section::<EtcdSection>()?.leader_lease_s;
            let mut ended = standby.ended();
            tokio::select! {
                lease = Lease::acquire(etcd, &key, &holder, seconds) => Some(lease),
                // Leading tells why the log cannot be followed.
                _ = ended.wait_for(|ended| *ended) => None,
            }
        }
    };
    if let Some(lease) = &lease {
        tokio::spawn(stop_when_lost(lease.lost()));
    }
    let shard = spawn_blocking(move || -> Result<Shard, Failure> {
        let led = standby.lead()?;
        Ok(Shard::lead(setup, Arc::new(log), led)?)
    });
    Ok(Leading { shard: shard.await??, lease })
}

/// Without the lease another may lead. What this process has acknowledged is safe; what it has not, the log decides.
async fn stop_when_lost(mut lost: tokio::sync::watch::Receiver<bool>) {
    // An error is the orderly end of the lease.
    if lost.wait_for(|lost| *lost).await.is_ok() {
        tracing::error!("the leader's lease is lost: this process stops at once, and a stand-by goes on");
        std::process::abort();
    }
}

/// Makes every port of this process known in etcd, where there is one.
pub async fn register(settings: &Settings, listeners: &Listeners) -> Result<Vec<Registration>, Failure> {
    let section: EtcdSection = settings.section()?;
    let mut registrations = vec![];
    if section.endpoints().is_empty() {
        return Ok(registrations);
    }
    let registry = EtcdRegistry::new(Etcd::new(&section.endpoints())?, &section);
    let instance = instance();
    for ((service, port), address) in listeners.addresses() {
        registrations.push(registry.register(&format!("{service}:{port}"), &instance, *address).await?);
    }
    Ok(registrations)
}

/// This process among all that run the same services.
fn instance() -> String {
    let host = rustix::system::uname();
    format!("{}-{}", host.nodename().to_string_lossy(), std::process::id())
}
