//! Owns the hot stand-by of a shard: folds the log all the time, so that taking over means finishing its tail.
//! Never writes to the log before it takes over, and never answers anybody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_runtime::oplog::{Led, LogError, SNAPSHOT_DIR, SnapshotStore};
use allin_runtime::shard::{Setup, StateMachine, Trimmer, measured};
use tokio::sync::watch;

use crate::kafka::{Fold, KafkaLog, compact};

/// How long the fold looks at once before it asks whether to go on.
const LOOK: Duration = Duration::from_millis(20);

/// A state that follows the log.
pub struct StandBy<M> {
    shared: Arc<Shared>,
    ended: watch::Receiver<bool>,
    thread: Option<JoinHandle<Result<Fold<M>, LogError>>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    position: Mutex<(Seq, u64)>,
}

impl<M: StateMachine> StandBy<M> {
    /// Begins at the newest snapshot of the set-up's storage, and writes new ones there as its configuration says.
    pub fn start(log: &KafkaLog, setup: &Setup<M>) -> Result<StandBy<M>, LogError> {
        let io = |error| LogError::Io { doing: "make", file: SNAPSHOT_DIR.into(), source: Arc::new(error) };
        setup.storage.create_dir(SNAPSHOT_DIR).map_err(io)?;
        let snapshots = setup.snapshots();
        let (log, fresh, config) = (log.clone(), setup.fresh.clone(), setup.config.clone());
        let shared = Arc::new(Shared::default());
        let (tell, ended) = watch::channel(false);
        let told = shared.clone();
        let follow = move || {
            let outcome = Fold::open(&log, &snapshots, || fresh()).and_then(|mut fold| {
                told.note(fold.machine());
                fold.prepare()?;
                let mut writing =
                    Snapshots { every: config.snapshot_every, last: Instant::now(), at: fold.machine().seq() };
                while !told.stop.load(Ordering::Acquire) {
                    if fold.advance(LOOK)? {
                        told.note(fold.machine());
                    }
                    writing.turn(&snapshots, fold.machine());
                }
                Ok(fold)
            });
            if let Err(error) = &outcome {
                tracing::error!(%error, "the stand-by cannot follow the log");
            }
            tell.send_replace(true);
            outcome
        };
        let thread = std::thread::Builder::new().name("shard-standby".into()).spawn(follow).map_err(io)?;
        Ok(StandBy { shared, ended, thread: Some(thread) })
    }

    /// The last sequence applied, and the digest after it.
    pub fn position(&self) -> (Seq, u64) {
        *self.shared.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns true when the log cannot be followed any more; [`StandBy::lead`] then says why.
    pub fn ended(&self) -> watch::Receiver<bool> {
        self.ended.clone()
    }

    /// Takes the log over. Blocks.
    pub fn lead(mut self) -> Result<Led<M>, LogError> {
        self.shared.stop.store(true, Ordering::Release);
        let thread = self.thread.take().expect("until it leads");
        let fold = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        fold.lead()
    }
}

/// Trims the log that this machine leads, with its snapshots.
pub fn trimmer<M: StateMachine>(log: &KafkaLog, setup: &Setup<M>) -> Trimmer {
    let (log, snapshots, options, fresh) = (log.clone(), setup.snapshots(), setup.log.clone(), setup.fresh.clone());
    measured(&setup.log.shard, move |needed| compact(&log, &snapshots, &options, (needed, false), || fresh()))
}

impl<M> Drop for StandBy<M> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}

impl Shared {
    fn note(&self, machine: &impl StateMachine) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = (machine.seq(), machine.digest());
    }
}

/// When the next snapshot is due.
struct Snapshots {
    every: Duration,
    last: Instant,
    at: Seq,
}

impl Snapshots {
    fn turn(&mut self, snapshots: &SnapshotStore, machine: &impl StateMachine) {
        if machine.seq() == self.at || self.last.elapsed() < self.every {
            return;
        }
        (self.last, self.at) = (Instant::now(), machine.seq());
        // A full disk must not stop the following: the next start only takes longer.
        if let Err(error) = snapshots.save(machine) {
            tracing::error!(%error, "cannot write a snapshot");
        }
    }
}
