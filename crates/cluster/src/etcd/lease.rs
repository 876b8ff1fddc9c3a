//! Who may try to lead: one key, held by a lease that its holder keeps alive.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::{Etcd, EtcdError};

/// Between two tries to get a lease that another holds, should its end not be told.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// How often a lease is kept alive in its length.
const KEEPS: u32 = 6;

/// Held until it is given up, or lost.
pub struct Lease {
    etcd: Etcd,
    id: i64,
    lost: watch::Receiver<bool>,
    /// Ends the keeping when it is dropped.
    keeping: watch::Sender<()>,
}

impl Lease {
    /// Waits, as long as it takes, until nobody holds the key, and takes it. A cluster that is away is waited for.
    pub async fn acquire(etcd: Etcd, key: &str, holder: &str, seconds: u32) -> Lease {
        loop {
            match Lease::try_acquire(&etcd, key, holder, seconds).await {
                Ok(Some(lease)) => return lease,
                Ok(None) => wait_for_end(&etcd, key).await,
                Err(error) => {
                    tracing::warn!(key, %error, "cannot ask for the lease");
                    tokio::time::sleep(TRY_EVERY).await;
                }
            }
        }
    }

    async fn try_acquire(etcd: &Etcd, key: &str, holder: &str, seconds: u32) -> Result<Option<Lease>, EtcdError> {
        if etcd.get(key).await?.is_some() {
            return Ok(None);
        }
        let asked = Instant::now();
        let id = etcd.grant(seconds).await?;
        if !etcd.create(key, holder, id).await? {
            etcd.revoke(id).await?;
            return Ok(None);
        }
        let (tell, lost) = watch::channel(false);
        let (keeping, kept) = watch::channel(());
        let (key, holder) = (key.to_owned(), holder.to_owned());
        let held = Held { id, key, holder, length: Duration::from_secs(seconds.into()), asked };
        let cluster = etcd.clone();
        let thread = std::thread::Builder::new().name("lease".into());
        let started = thread.spawn(move || keep_on_own_thread(&cluster, held, kept, &tell));
        if let Err(error) = started {
            etcd.revoke(id).await?;
            return Err(EtcdError::Away(format!("cannot start a thread: {error}")));
        }
        Ok(Some(Lease { etcd: etcd.clone(), id, lost, keeping }))
    }

    /// Turns true when the lease is over, or may be: whoever leads by it has to stop.
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.lost.clone()
    }

    /// Gives it up, so that the next one need not wait for its end.
    pub async fn give_up(self) {
        let way_out = self.way_out();
        drop(self.keeping);
        way_out.give_up().await;
    }

    /// For one who ends the whole process with it.
    pub fn way_out(&self) -> WayOut {
        WayOut { etcd: self.etcd.clone(), id: self.id }
    }
}

/// Ends a lease that another keeps.
pub struct WayOut {
    etcd: Etcd,
    id: i64,
}

impl WayOut {
    pub async fn give_up(self) {
        if let Err(error) = self.etcd.revoke(self.id).await {
            tracing::warn!(%error, "the lease ends by itself");
        }
    }
}

/// A lease at the moment of its grant.
struct Held {
    id: i64,
    key: String,
    holder: String,
    length: Duration,
    /// Before the grant was asked for.
    asked: Instant,
}

/// On a thread and a runtime of its own, so that a process that is busy with something else does not lose its lease by it.
fn keep_on_own_thread(etcd: &Etcd, held: Held, mut kept: watch::Receiver<()>, lost: &watch::Sender<bool>) {
    let over = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            tokio::select! {
                () = keep(etcd.again(), held) => true,
                _ = kept.changed() => false,
            }
        }),
        Err(error) => {
            tracing::error!(%error, "cannot keep the lease");
            true
        }
    };
    if over {
        lost.send_replace(true);
    }
}

/// Keeps it alive; counts from before each request, so that it is over here before it is over there. A request that has no
/// answer yet keeps nobody from asking again, and another member: the one may hang, and all of them may be electing.
async fn keep(etcd: Etcd, Held { id, key, holder, length, asked }: Held) {
    let mut until = asked + length;
    let mut turns = tokio::time::interval(length / KEEPS);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => return,
            _ = turns.tick() => {
                if !open.is_empty() {
                    etcd.leave();
                }
                let (etcd, key, holder, before) = (&etcd, &key, &holder, Instant::now());
                open.push(async move {
                    match etcd.keep_alive(id).await {
                        // A member that led before it hung still counts by its own clock. The cluster's word is the key.
                        Err(EtcdError::LeaseOver) if is_held(etcd, key, holder).await => {
                            (before, Err(EtcdError::Away("a member is behind".into())))
                        }
                        kept => (before, kept),
                    }
                });
            }
            Some((before, kept)) = open.next() => match kept {
                Ok(()) => until = until.max(before + length),
                Err(EtcdError::LeaseOver) => return,
                Err(error) => tracing::warn!(%error, "cannot keep the lease"),
            },
        }
        if Instant::now() >= until {
            return;
        }
    }
}

/// Whether the key is this holder's, as most members know it; true when they do not answer.
async fn is_held(etcd: &Etcd, key: &str, holder: &str) -> bool {
    etcd.leave();
    etcd.get(key).await.map_or(true, |held| held.as_deref() == Some(holder))
}

/// Returns when the key may be free.
async fn wait_for_end(etcd: &Etcd, key: &str) {
    let told = async {
        let (held, revision) = etcd.range(key).await.ok()?;
        if held.is_empty() {
            return Some(());
        }
        let mut changes = etcd.watch(key, revision).await.ok()?;
        while let Ok(Some(change)) = changes.message().await {
            if !change.events.is_empty() || change.canceled {
                return Some(());
            }
        }
        None
    };
    // The told end is only to be fast.
    if !matches!(tokio::time::timeout(TRY_EVERY, told).await, Ok(Some(()))) {
        tokio::time::sleep(TRY_EVERY / 10).await;
    }
}
