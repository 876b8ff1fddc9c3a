//! Starting and stopping a shard.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

use allin_core::ids::{Epoch, Seq};
use allin_core::spot::Ahead;
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use super::batch::{Pool, Unlogged, Unpublished};
use super::clock::{Clock, SystemClock};
use super::committer::Committer;
use super::config::ShardConfig;
use super::engine::LocalEngine;
use super::fatal::{Fatal, OnFatal, abort_on_fatal};
use super::inbox::Inbox;
use super::landing::Landing;
use super::machine::StateMachine;
use super::marks::Marks;
use super::porter::Porter;
use super::progress::Progress;
use super::publisher::{self, Publisher};
use super::replica::{self, Job, Replica, SnapshotError};
use super::sequencer::{Sent, Sequencer};
use super::trim::{self, Trimmer};
use crate::bus::{LocalBus, LogReplay};
use crate::oplog::{self, Compactor, FileLog, Led, Log, LogError, LogWriter, Room, SnapshotMeta, SnapshotStore, Stays};
use crate::storage::Storage;

/// What a shard is made of.
pub struct Setup<M> {
    pub storage: Arc<dyn Storage>,
    pub log: oplog::Options,
    /// The state before the first command.
    pub fresh: Arc<dyn Fn() -> M + Send + Sync>,
    pub clock: Arc<dyn Clock>,
    pub config: ShardConfig,
    pub on_fatal: OnFatal,
    /// For all who write or remove this shard's snapshots.
    pub stays: Stays,
}

impl<M> Setup<M> {
    /// With the machine's clock, the default bounds, and an abort when the log fails.
    pub fn new(
        storage: Arc<dyn Storage>,
        log: oplog::Options,
        fresh: impl Fn() -> M + Send + Sync + 'static,
    ) -> Setup<M> {
        Setup {
            storage,
            log,
            fresh: Arc::new(fresh),
            clock: Arc::new(SystemClock),
            config: ShardConfig::default(),
            on_fatal: abort_on_fatal(),
            stays: Stays::default(),
        }
    }

    /// The shard's snapshots.
    pub fn snapshots(&self) -> SnapshotStore {
        SnapshotStore::new(self.storage.clone(), &self.log).sharing(&self.stays)
    }
}

/// Why a shard did not start.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{0}")]
    Config(&'static str),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The first command of the new epoch did not get onto the disk.
    #[error("the log failed, or has no room for the first command of a start")]
    NotBegun,
}

/// A running shard. Dropping it without [`Shard::stop`] stops it too, without waiting.
pub struct Shard {
    engine: Arc<LocalEngine>,
    bus: Arc<LocalBus>,
    epoch: Epoch,
    trimmer: Trimmer,
    /// None once stopped.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Shard {
    /// Reads the log's files back, begins a new epoch, and returns when that is durable. Blocks; takes as long as the
    /// replay.
    pub fn start<M: StateMachine>(setup: Setup<M>) -> Result<Shard, ShardError> {
        setup.config.check().map_err(ShardError::Config)?;
        let log = FileLog::new(setup.storage.clone(), setup.log.clone());
        let led = log.lead(|| (setup.fresh)())?;
        Shard::lead(setup, Arc::new(log), led)
    }

    /// Goes on with a log that was taken over: begins the new epoch, and returns when that is durable. Snapshots are kept
    /// in the storage, whatever the log is.
    pub fn lead<M: StateMachine>(setup: Setup<M>, log: Arc<dyn Log>, led: Led<M>) -> Result<Shard, ShardError> {
        setup.config.check().map_err(ShardError::Config)?;
        let Led { machine, epoch, writer } = led;
        let start = machine.seq();
        tracing::info!(shard = setup.log.shard, seq = start.0, epoch = epoch.0, "the shard starts");

        let shared = Shared::new(&setup, log, start, writer.room());
        let (to_log, log_batches) = bounded(setup.config.batches_in_flight_max);
        let (to_publisher, publisher_batches) = bounded(setup.config.batches_in_flight_max);
        let (to_replica, jobs) = bounded(1);
        let (tell_final, final_state) = bounded(1);
        let committer = shared.committer(&setup, writer, log_batches);
        let publisher = shared.publisher(&setup, publisher_batches);
        let replica = shared.replica(&setup, jobs);
        let compactor = Compactor::new(setup.storage.clone(), &setup.log, shared.snapshots.clone());
        let fresh = setup.fresh.clone();
        let trimmer = trim::measured(&setup.log.shard, move |stored| compactor.compact(stored, false, || fresh()));
        let sequencer = shared.sequencer(&setup, machine, epoch, to_log, to_publisher);
        let fatal = shared.fatal.clone();
        let core = move || {
            let _guard = fatal.guard("core");
            let machine = sequencer.run();
            let _ = tell_final.send((machine.seq(), machine.digest()));
        };
        let threads = vec![
            spawn("log", move || committer.run())?,
            spawn("publisher", move || publisher.run())?,
            spawn("replica", move || replica.run(final_state))?,
            spawn("core", core)?,
        ];
        let begun = shared.progress.wait_durable(Seq(start.0 + 1));
        let Shared { inbox, progress, applied, bus, porter, .. } = shared;
        let engine = Arc::new(LocalEngine { inbox, progress, applied, porter });
        let shard = Shard { engine, bus, epoch, trimmer, jobs: Some(to_replica), threads };
        if begun { Ok(shard) } else { Err(ShardError::NotBegun) }
    }

    pub fn engine(&self) -> Arc<LocalEngine> {
        self.engine.clone()
    }

    pub fn bus(&self) -> Arc<LocalBus> {
        self.bus.clone()
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Of a log that is kept in files in the storage.
    pub fn trimmer(&self) -> Trimmer {
        self.trimmer.clone()
    }

    /// Writes a snapshot of the present state, made by the replica and checked against the engine's digest.
    pub async fn snapshot(&self) -> Result<SnapshotMeta, SnapshotError> {
        let (sender, receiver) = oneshot::channel();
        let jobs = self.jobs.clone().ok_or(SnapshotError::Stopped)?;
        // The queue holds one job, so this may wait for the one before.
        tokio::task::spawn_blocking(move || jobs.send(Job::Snapshot(sender)).is_ok())
            .await
            .map_err(|_| SnapshotError::Stopped)?;
        receiver.await.unwrap_or(Err(SnapshotError::Stopped))
    }

    /// Refuses new commands, finishes those it has, and leaves the log whole. Blocks.
    pub fn stop(mut self) {
        self.engine.inbox.close();
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A panic was told through the fatal hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.engine.inbox.close();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, ShardError> {
    Ok(std::thread::Builder::new().name(format!("shard-{name}")).spawn(body)?)
}

/// What the threads have in common.
struct Shared<M> {
    progress: Arc<Progress>,
    inbox: Arc<Inbox>,
    fatal: Fatal,
    pool: Arc<Pool>,
    source: Arc<LogReplay<M>>,
    snapshots: SnapshotStore,
    bus: Arc<LocalBus>,
    applied: Arc<AtomicU64>,
    marks: Arc<Marks>,
    porter: Arc<Porter>,
}

impl<M: StateMachine> Shared<M> {
    fn new(setup: &Setup<M>, log: Arc<dyn Log>, start: Seq, room: Room) -> Shared<M> {
        let progress = Arc::new(Progress::new(start, room));
        let inbox = Arc::new(Inbox::new(&setup.config));
        inbox.set_read_only(!room.next_ready);
        let pool = Arc::new(Pool::new());
        let snapshots = setup.snapshots();
        let source = Arc::new(LogReplay::new(log, snapshots.clone(), setup.fresh.clone()));
        Shared {
            fatal: Fatal::new(setup.on_fatal.clone(), progress.clone(), inbox.clone()),
            bus: LocalBus::new(start, &setup.config, source.clone(), pool.clone()),
            applied: Arc::new(AtomicU64::new(start.0)),
            marks: Arc::default(),
            porter: Arc::default(),
            progress,
            inbox,
            pool,
            source,
            snapshots,
        }
    }

    fn committer(&self, setup: &Setup<M>, writer: Box<dyn LogWriter>, batches: Receiver<Unlogged>) -> Committer {
        let (progress, inbox, fatal) = (self.progress.clone(), self.inbox.clone(), self.fatal.clone());
        Committer {
            writer,
            config: setup.config.clone(),
            batches,
            landing: Arc::new(Landing::new(&setup.log.shard, progress, inbox, fatal)),
            fatal: self.fatal.clone(),
            in_flight: metrics::gauge!("allin_shard_log_queue_batches", "shard" => setup.log.shard.clone()),
        }
    }

    fn publisher(&self, setup: &Setup<M>, batches: Receiver<Unpublished>) -> Publisher {
        Publisher {
            batches,
            progress: self.progress.clone(),
            bus: self.bus.clone(),
            pool: self.pool.clone(),
            inbox: self.inbox.clone(),
            applied: self.applied.clone(),
            fatal: self.fatal.clone(),
            series: publisher::Series::new(&setup.log.shard),
            porter: self.porter.clone(),
        }
    }

    fn replica(&self, setup: &Setup<M>, jobs: Receiver<Job>) -> Replica<M> {
        Replica {
            source: self.source.clone(),
            snapshots: self.snapshots.clone(),
            config: setup.config.clone(),
            jobs,
            progress: self.progress.clone(),
            marks: self.marks.clone(),
            inbox: self.inbox.clone(),
            fatal: self.fatal.clone(),
            series: replica::Series::new(&setup.log.shard),
        }
    }

    fn sequencer(
        &self,
        setup: &Setup<M>,
        machine: M,
        epoch: Epoch,
        to_log: Sender<Unlogged>,
        to_publisher: Sender<Unpublished>,
    ) -> Sequencer<M> {
        Sequencer {
            machine,
            epoch,
            clock: setup.clock.clone(),
            config: setup.config.clone(),
            segment_bytes: setup.log.segment_bytes,
            inbox: self.inbox.clone(),
            progress: self.progress.clone(),
            marks: self.marks.clone(),
            pool: self.pool.clone(),
            to_log,
            to_publisher,
            applied: self.applied.clone(),
            sent: Sent::default(),
            ahead: Ahead::default(),
        }
    }
}
