//! The log thread: everything that waits goes to the disk with one write and one sync; while that runs, the next gathers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use metrics::{Counter, Gauge, Histogram};

use super::batch::Unlogged;
use super::config::ShardConfig;
use super::fatal::Fatal;
use super::inbox::Inbox;
use super::progress::Progress;
use crate::oplog::{LogError, Writer};

pub(super) struct Committer {
    pub writer: Writer,
    pub config: ShardConfig,
    pub batches: Receiver<Unlogged>,
    pub progress: Arc<Progress>,
    pub inbox: Arc<Inbox>,
    pub fatal: Fatal,
    pub series: Series,
}

pub(super) struct Series {
    sync_us: Histogram,
    batch_commands: Histogram,
    commands: Counter,
    durable_seq: Gauge,
    in_flight: Gauge,
    read_only: Gauge,
}

impl Series {
    pub fn new(shard: &str) -> Series {
        let label = shard.to_owned();
        Series {
            sync_us: metrics::histogram!("allin_shard_log_sync_us", "shard" => label.clone()),
            batch_commands: metrics::histogram!("allin_shard_log_sync_commands", "shard" => label.clone()),
            commands: metrics::counter!("allin_shard_commands_total", "shard" => label.clone()),
            durable_seq: metrics::gauge!("allin_shard_durable_seq", "shard" => label.clone()),
            in_flight: metrics::gauge!("allin_shard_log_queue_batches", "shard" => label.clone()),
            read_only: metrics::gauge!("allin_shard_read_only", "shard" => label),
        }
    }
}

impl Committer {
    /// Runs until the core thread is gone and all it sent is durable.
    pub fn run(mut self) {
        let _guard = self.fatal.guard("log");
        let fatal = self.fatal.clone();
        if let Err(error) = self.turn().and_then(|()| self.writer.close()) {
            // Nothing that was not durable before is ever told, and nothing is tried again: who knows what the disk has.
            fatal.raise(&error.to_string());
        }
    }

    fn turn(&mut self) -> Result<(), LogError> {
        let mut marked = false;
        let mut asked = Instant::now();
        loop {
            let full = !self.writer.room().next_ready;
            self.set_read_only(full);
            if full && asked.elapsed() >= self.config.reserve_every {
                asked = Instant::now();
                match self.writer.try_reserve() {
                    Ok(room) => self.progress.update(|logged| logged.room = room),
                    // The present segment is not touched by this: go on with what there is, and ask again later.
                    Err(error) => tracing::warn!(%error, "cannot make room for the log"),
                }
                continue;
            }
            let patience = match (marked, full) {
                (false, _) => self.config.mark_after,
                (true, true) => self.config.reserve_every,
                (true, false) => Duration::MAX,
            };
            match receive(&self.batches, patience) {
                Ok(batch) => {
                    self.commit(batch)?;
                    marked = false;
                }
                Err(RecvTimeoutError::Timeout) if !marked => {
                    self.writer.mark()?;
                    let room = self.writer.room();
                    self.progress.update(|logged| logged.room = room);
                    marked = true;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// One sync for this batch and all that wait behind it.
    fn commit(&mut self, first: Unlogged) -> Result<(), LogError> {
        let (mut batches, mut commands, mut bytes) = (0, 0, 0);
        let mut next = Some(first);
        while let Some(batch) = next {
            for record in batch.records.iter() {
                self.writer.append(record.epoch, record.seq, record.at, &record.command)?;
            }
            batches += 1;
            commands += batch.records.len() as u64;
            bytes += batch.bytes;
            // The publisher takes the records over as soon as they are durable: no share may be left here.
            drop(batch);
            next = self.batches.try_recv().ok();
        }
        let started = Instant::now();
        let durable = self.writer.sync()?;
        self.series.sync_us.record(started.elapsed().as_micros() as f64);
        let room = self.writer.room();
        self.set_read_only(!room.next_ready);
        self.progress.update(|logged| {
            logged.durable = durable;
            logged.batches += batches;
            logged.commands += commands;
            logged.bytes += bytes;
            logged.room = room;
        });
        self.series.batch_commands.record(commands as f64);
        self.series.commands.increment(commands);
        self.series.durable_seq.set(durable.0 as f64);
        self.series.in_flight.set(self.batches.len() as f64);
        Ok(())
    }

    fn set_read_only(&self, read_only: bool) {
        if self.inbox.is_read_only() != read_only {
            self.inbox.set_read_only(read_only);
            self.series.read_only.set(f64::from(u8::from(read_only)));
            if read_only {
                tracing::warn!("the log's disk is full: only cancels are taken until it has room");
            } else {
                tracing::info!("the log has room again");
            }
        }
    }
}

fn receive(batches: &Receiver<Unlogged>, patience: Duration) -> Result<Unlogged, RecvTimeoutError> {
    if patience == Duration::MAX {
        batches.recv().map_err(|_| RecvTimeoutError::Disconnected)
    } else {
        batches.recv_timeout(patience)
    }
}
