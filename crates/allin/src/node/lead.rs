//! The shard of this process: on files of its own, or on a log that others share, where one leads and the rest stand by.

use std::sync::Arc;
use std::time::Duration;

use allin_cluster::etcd::{Etcd, EtcdRegistry, EtcdSection, Lease, WayOut};
use allin_cluster::handover::{Meeting, is_seen, until_seen};
use allin_cluster::kafka::{KafkaLog, KafkaSection, Sight, topic};
use allin_cluster::member::{self, StandBy};
use allin_cluster::needs::Needs;
use allin_core::spot::Spot;
use allin_exchange::service::Starting;
use allin_runtime::config::{LogKeep, LogKind, LogSection, Settings};
use allin_runtime::registry::{Registration, Registry, RegistryError};
use allin_runtime::shard::{Setup, Shard, Trimmer};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::{Failure, Listeners, Plan, RETRY_WAIT, trim};

/// A shard that takes commands, and what entitles it to.
pub struct Leading {
    pub shard: Shard,
    pub lease: Option<Lease>,
}

/// Returns when this process leads: at once on files, and on a shared log when nobody else does any more.
pub async fn start(plan: &Plan, tasks: &mut Starting, setup: Setup<Spot>) -> Result<Leading, Failure> {
    let log: LogSection = plan.settings.section()?;
    match log.kind {
        LogKind::Files => {
            let shard = spawn_blocking(move || Shard::start(setup)).await??;
            if log.keep == LogKeep::Needed {
                let every = Duration::from_secs(log.trim_interval_s);
                let places = (plan.store.clone(), plan.data.clone(), plan.settings.section()?);
                let stopping = tasks.stopping();
                tasks.spawn(trim::run(shard.trimmer(), places, every, stopping));
            }
            Ok(Leading { shard, lease: None })
        }
        LogKind::Kafka => on_kafka(plan, tasks, setup).await,
    }
}

async fn on_kafka(plan: &Plan, tasks: &mut Starting, setup: Setup<Spot>) -> Result<Leading, Failure> {
    let (kafka, etcd): (KafkaSection, EtcdSection) = (plan.settings.section()?, plan.settings.section()?);
    let shard = setup.log.shard.clone();
    let log = KafkaLog::new(&shard, &kafka);
    let (looked, wanted) = (log.clone(), kafka.clone());
    spawn_blocking(move || topic::ensure(&looked, &wanted)).await??;
    let leads = keep_what_is_needed(plan, tasks, &setup, &etcd)?;
    let standby = StandBy::start(&log, &setup)?;
    let entitled = match etcd.endpoints()[..] {
        [] => None,
        ref endpoints => {
            tracing::info!(shard, "stands by until the lease is free");
            let ways = Ways {
                etcd: Etcd::new(endpoints)?,
                meeting: Meeting::new(Etcd::new(endpoints)?, &etcd.prefix, &shard),
                sight: Sight::start(&log)?,
            };
            let (mut ended, key) = (standby.ended(), format!("{}/leader/{shard}", etcd.prefix));
            tokio::select! {
                lease = ways.lease(&key, etcd.leader_lease_s) => Some((lease, ways)),
                // Leading tells why the log cannot be followed.
                _ = ended.wait_for(|ended| *ended) => None,
            }
        }
    };
    if let Some((lease, _)) = &entitled {
        tokio::spawn(stop_when_lost(lease.lost()));
    }
    let trimmer = member::trimmer(&log, &setup);
    let shard = spawn_blocking(move || -> Result<Shard, Failure> {
        let led = standby.lead()?;
        Ok(Shard::lead(setup, Arc::new(log), led)?)
    });
    let shard = shard.await??;
    leads.send_replace(Some(trimmer));
    let lease = entitled.map(|(lease, ways)| {
        let giving_up = lease.way_out();
        tokio::spawn(ways.stop_when_outlooked(giving_up, Duration::from_millis(kafka.hand_over_ms)));
        lease
    });
    Ok(Leading { shard, lease })
}

/// Begins to tell the others what of the log is needed here. It is trimmed from here on when a trimmer is sent.
fn keep_what_is_needed(
    plan: &Plan,
    tasks: &mut Starting,
    setup: &Setup<Spot>,
    etcd: &EtcdSection,
) -> Result<watch::Sender<Option<Trimmer>>, Failure> {
    let log: LogSection = plan.settings.section()?;
    let needs = match etcd.endpoints()[..] {
        [] => None,
        ref endpoints => Some(Needs::start(Etcd::new(endpoints)?, etcd, &setup.log.shard, &instance())),
    };
    let (leads, leading) = watch::channel(None);
    let member = trim::Member {
        needs,
        snapshots: setup.snapshots(),
        keep: log.keep,
        stores: plan.store.clone(),
        data: plan.data.clone(),
        kafka: plan.settings.section()?,
        every: Duration::from_secs(log.trim_interval_s),
        leads: leading,
    };
    let stopping = tasks.stopping();
    tasks.spawn(member.run(stopping));
    Ok(leads)
}

/// A member's ways to the others and to the log.
struct Ways {
    etcd: Etcd,
    meeting: Meeting,
    sight: Sight,
}

impl Ways {
    /// The lease, as soon as nobody else has it and the log is in sight; tells the leader meanwhile, when it asks.
    async fn lease(&self, key: &str, seconds: u32) -> Lease {
        let holder = instance();
        let leading = async {
            loop {
                until_seen(&self.sight).await;
                let lease = Lease::acquire(self.etcd.clone(), key, &holder, seconds).await;
                if is_seen(&self.sight) {
                    return lease;
                }
                tracing::warn!("the lease is free, but the log is out of sight: leaves it to others");
                lease.give_up().await;
            }
        };
        tokio::select! {
            lease = leading => lease,
            never = self.meeting.answer(&self.sight) => match never {},
        }
    }

    /// A leader that is cut off from the log makes room for one that is not.
    async fn stop_when_outlooked(self, lease: WayOut, patience: Duration) {
        self.meeting.is_outlooked(&self.sight, patience).await;
        tracing::error!(
            "the log is out of sight here, and a stand-by sees it: this process stops, and the stand-by goes on"
        );
        lease.give_up().await;
        std::process::abort();
    }
}

/// Without the lease another may lead. What this process has acknowledged is safe; what it has not, the log decides.
async fn stop_when_lost(mut lost: tokio::sync::watch::Receiver<bool>) {
    // An error is the orderly end of the lease.
    if lost.wait_for(|lost| *lost).await.is_ok() {
        tracing::error!("the leader's lease is lost: this process stops at once, and a stand-by goes on");
        std::process::abort();
    }
}

/// Makes every port of this process known in etcd, where there is one: all at once, and over an outage.
pub async fn register(settings: &Settings, listeners: &Listeners) -> Result<Vec<Registration>, Failure> {
    let section: EtcdSection = settings.section()?;
    if section.endpoints().is_empty() {
        return Ok(vec![]);
    }
    let registry = EtcdRegistry::new(Etcd::new(&section.endpoints())?, &section);
    let instance = instance();
    let each = listeners.addresses().iter().map(|((service, port), address)| {
        let (registry, instance, name) = (&registry, &instance, format!("{service}:{port}"));
        async move {
            loop {
                match registry.register(&name, instance, *address).await {
                    Err(RegistryError::Unavailable(why)) => tracing::warn!(name, why, "cannot register yet"),
                    other => return other,
                }
                tokio::time::sleep(RETRY_WAIT).await;
            }
        }
    });
    Ok(futures::future::try_join_all(each).await?)
}

/// This process among all that run the same services.
fn instance() -> String {
    let host = rustix::system::uname();
    format!("{}-{}", host.nodename().to_string_lossy(), std::process::id())
}
