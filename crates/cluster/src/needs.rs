//! Owns what the machines of a shard tell each other of the log that they share: after which sequence each could begin, so that
//! nothing is removed that another needs.
//! Never says more than is so: what was told stays told until something else is, and goes with the machine.
//! Known limits: a machine that is not there when the log is trimmed is not asked.

use std::time::Duration;

use allin_core::ids::Seq;
use tokio::sync::watch;

use crate::etcd::{Etcd, EtcdError, EtcdSection};

/// This machine's word, and a look at the others'.
pub struct Needs {
    etcd: Etcd,
    folder: String,
    key: String,
    told: watch::Sender<Seq>,
}

impl Needs {
    /// Tells at first that everything is needed, and keeps the last word known for as long as this lives. To be called inside
    /// a tokio runtime.
    pub fn start(etcd: Etcd, section: &EtcdSection, shard: &str, instance: &str) -> Needs {
        let folder = format!("{}/needs/{shard}/", section.prefix);
        let key = format!("{folder}{instance}");
        let (told, telling) = watch::channel(Seq(0));
        tokio::spawn(keep(etcd.clone(), key.clone(), section.service_lease_s, telling));
        Needs { etcd, folder, key, told }
    }

    /// This machine can begin after this sequence, and not before.
    pub fn tell(&self, seq: Seq) {
        self.told.send_if_modified(|told| std::mem::replace(told, seq) != seq);
    }

    /// What the other one needs that needs most, and who it is; none when there is no other.
    pub async fn others(&self) -> Result<Option<(Seq, String)>, EtcdError> {
        let (pairs, _) = self.etcd.range(&self.folder).await?;
        let others = pairs.into_iter().filter(|pair| pair.key != self.key).map(|pair| {
            let seq = pair.value.parse().map_err(|_| EtcdError::Away(format!("{} is no sequence", pair.key)))?;
            Ok((Seq(seq), pair.key.trim_start_matches(&self.folder).to_owned()))
        });
        others.collect::<Result<Vec<_>, EtcdError>>().map(|others| others.into_iter().min())
    }
}

async fn keep(etcd: Etcd, key: String, lease_s: u32, mut telling: watch::Receiver<Seq>) {
    let every = Duration::from_secs(lease_s.into()) / 4;
    let mut lease = None;
    loop {
        let seq = *telling.borrow_and_update();
        match tell(&etcd, &key, lease_s, &mut lease, seq).await {
            Ok(()) => {}
            Err(EtcdError::LeaseOver) => {
                lease = None;
                continue;
            }
            Err(error) => tracing::warn!(key, %error, "cannot tell what of the log is needed here"),
        }
        let changed = tokio::time::timeout(every, telling.changed()).await;
        if let Ok(Err(_)) = changed {
            break;
        }
    }
    if let Some((lease, _)) = lease
        && let Err(error) = etcd.revoke(lease).await
    {
        tracing::debug!(key, %error, "goes with its lease");
    }
}

/// `lease` is the lease and what was last put under it.
async fn tell(
    etcd: &Etcd,
    key: &str,
    lease_s: u32,
    lease: &mut Option<(i64, Option<Seq>)>,
    seq: Seq,
) -> Result<(), EtcdError> {
    let (id, put) = match *lease {
        Some((id, put)) => {
            etcd.keep_alive(id).await?;
            (id, put)
        }
        None => (etcd.grant(lease_s).await?, None),
    };
    *lease = Some((id, put));
    if put != Some(seq) {
        etcd.put(key, &seq.0.to_string(), id).await?;
        *lease = Some((id, Some(seq)));
    }
    Ok(())
}
