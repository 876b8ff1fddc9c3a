//! The replica: folds the log beside the engine, compares digests, and writes the snapshots. The engine never stops for it.

use std::sync::Arc;
use std::time::Instant;

use allin_core::ids::Seq;
use allin_core::spot::event::Events;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use metrics::{Counter, Gauge};
use tokio::sync::oneshot;

use super::config::ShardConfig;
use super::fatal::Fatal;
use super::inbox::Inbox;
use super::machine::StateMachine;
use super::marks::Marks;
use super::progress::Progress;
use crate::bus::LogReplay;
use crate::oplog::{LogError, LogReader, SnapshotMeta, SnapshotStore};

/// What the replica can be asked for.
pub(super) enum Job {
    /// A snapshot of the present state; answers with its sequence.
    Snapshot(oneshot::Sender<Result<SnapshotMeta, SnapshotError>>),
}

/// Why there is no snapshot.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the shard has stopped")]
    Stopped,
    #[error(transparent)]
    Log(#[from] LogError),
}

pub(super) struct Replica<M> {
    pub source: Arc<LogReplay<M>>,
    pub snapshots: SnapshotStore,
    pub config: ShardConfig,
    pub jobs: Receiver<Job>,
    pub progress: Arc<Progress>,
    pub marks: Arc<Marks>,
    pub inbox: Arc<Inbox>,
    pub fatal: Fatal,
    pub series: Series,
}

pub(super) struct Series {
    lag: Gauge,
    checks: Counter,
    agreement: Gauge,
    snapshot_seq: Gauge,
}

impl Series {
    pub fn new(shard: &str) -> Series {
        let label = shard.to_owned();
        Series {
            lag: metrics::gauge!("allin_shard_replica_lag", "shard" => label.clone()),
            checks: metrics::counter!("allin_shard_digest_checks_total", "shard" => label.clone()),
            agreement: metrics::gauge!("allin_shard_digest_agrees", "shard" => label.clone()),
            snapshot_seq: metrics::gauge!("allin_shard_snapshot_seq", "shard" => label),
        }
    }
}

/// A state somewhere behind the engine's.
struct Fold<M> {
    machine: M,
    reader: Box<dyn LogReader>,
}

impl<M: StateMachine> Replica<M> {
    /// Runs until the sender of jobs is gone; `final_state` are then the engine's last sequence and digest.
    pub fn run(self, final_state: Receiver<(Seq, u64)>) {
        let _guard = self.fatal.guard("replica");
        lower_priority();
        match self.turn(&final_state) {
            Ok(()) => {}
            // Snapshots are missed, but trading does not depend on them: the next start replays more.
            Err(error) => tracing::error!(%error, "no more snapshots until the next start"),
        }
        // Whoever still asks is told that nobody answers.
        while self.jobs.recv().is_ok() {}
    }

    fn turn(&self, final_state: &Receiver<(Seq, u64)>) -> Result<(), LogError> {
        let (machine, reader) = self.source.open(Seq(u64::MAX))?;
        // Where the newest usable snapshot is: the fold began there.
        let mut written = (machine.seq(), Instant::now());
        let mut fold = Fold { machine, reader };
        loop {
            let job = self.jobs.recv_timeout(self.config.replica_every);
            if matches!(job, Err(RecvTimeoutError::Disconnected)) {
                break;
            }
            let durable = self.progress.get().durable;
            self.series.lag.set((durable.0 - fold.machine.seq().0) as f64);
            if !self.fold(&mut fold, durable)? {
                return Ok(());
            }
            let commands = fold.machine.seq().0 - written.0.0;
            let due = commands >= self.config.snapshot_commands
                || (commands > 0 && written.1.elapsed() >= self.config.snapshot_every);
            match job {
                Ok(Job::Snapshot(sender)) => {
                    let meta = self.snapshot_now(&mut fold);
                    if let Ok(meta) = &meta {
                        written = (meta.seq, Instant::now());
                    }
                    let _ = sender.send(meta);
                }
                Err(_) if due => {
                    let meta = self.snapshot_now(&mut fold);
                    match meta {
                        Ok(meta) => written = (meta.seq, Instant::now()),
                        Err(SnapshotError::Log(error)) => tracing::error!(%error, "cannot write a snapshot"),
                        Err(SnapshotError::Stopped) => {}
                    }
                    // After a failure, too: the disk may be full, and trying at every turn would not help.
                    written.1 = Instant::now();
                }
                Err(_) => {}
            }
        }
        self.finish(&mut fold, final_state)
    }

    /// The last word after a clean stop.
    fn finish(&self, fold: &mut Fold<M>, final_state: &Receiver<(Seq, u64)>) -> Result<(), LogError> {
        let Ok((seq, digest)) = final_state.recv() else { return Ok(()) };
        if self.progress.get().failed {
            return Ok(());
        }
        self.marks.note(seq, digest);
        if self.fold(fold, seq)? && self.config.snapshot_on_stop {
            self.write(&fold.machine)?;
        }
        Ok(())
    }

    /// Lets the engine note its digest, folds up to that sequence, and writes what agrees.
    fn snapshot_now(&self, fold: &mut Fold<M>) -> Result<SnapshotMeta, SnapshotError> {
        let marked = self.inbox.mark().map_err(|_| SnapshotError::Stopped)?;
        let seq = marked.blocking_recv().map_err(|_| SnapshotError::Stopped)?;
        if !self.progress.wait_durable(seq) || !self.fold(fold, seq)? {
            return Err(SnapshotError::Stopped);
        }
        Ok(self.write(&fold.machine)?)
    }

    fn write(&self, machine: &M) -> Result<SnapshotMeta, LogError> {
        let meta = self.snapshots.save(machine)?;
        self.series.snapshot_seq.set(meta.seq.0 as f64);
        Ok(meta)
    }

    /// Applies the durable commands up to `until`, comparing digests on the way. False when one differs.
    fn fold(&self, fold: &mut Fold<M>, until: Seq) -> Result<bool, LogError> {
        let mut mark = self.marks.next(fold.machine.seq());
        let mut events = Events::new();
        while let Some(entry) = fold.reader.next(until)? {
            events.clear();
            fold.machine.apply(entry.seq, entry.at, &entry.command, &mut events);
            if mark.is_some_and(|(seq, _)| seq <= entry.seq) {
                if !self.agrees(&fold.machine, mark) {
                    return Ok(false);
                }
                mark = self.marks.next(Seq(entry.seq.0 + 1));
            }
        }
        // A mark at the very place where the fold stood already.
        Ok(self.agrees(&fold.machine, self.marks.next(fold.machine.seq())))
    }

    fn agrees(&self, machine: &M, mark: Option<(Seq, u64)>) -> bool {
        let Some((seq, digest)) = mark.filter(|(seq, _)| *seq == machine.seq()) else { return true };
        self.series.checks.increment(1);
        let agrees = digest == machine.digest();
        self.series.agreement.set(f64::from(u8::from(agrees)));
        if !agrees {
            self.fatal.raise(&format!(
                "at sequence {} the engine's digest is {digest:016x}, and a replay of its log gives {:016x}",
                seq.0,
                machine.digest()
            ));
        }
        agrees
    }
}

/// Trading goes first where processors are few.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 5) {
        tracing::debug!(%error, "the replica runs at normal priority");
    }
}
