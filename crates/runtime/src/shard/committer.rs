//! The log thread: everything that waits goes to the disk with one write and one sync; while that runs, the next gathers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use metrics::Gauge;

use super::batch::Unlogged;
use super::config::ShardConfig;
use super::fatal::Fatal;
use super::landing::{Flight, Landing};
use crate::oplog::{Landed, LogError, LogWriter};

pub(super) struct Committer {
    pub writer: Box<dyn LogWriter>,
    pub config: ShardConfig,
    pub batches: Receiver<Unlogged>,
    pub landing: Arc<Landing>,
    pub fatal: Fatal,
    pub in_flight: Gauge,
}

impl Committer {
    /// Runs until the core thread is gone and all it sent is durable.
    pub fn run(mut self) {
        let _guard = self.fatal.guard("log");
        self.writer.start(self.landing.clone());
        if let Err(error) = self.turn().and_then(|()| self.writer.close()) {
            // Nothing that was not durable before is ever told, and nothing is tried again: who knows what the disk has.
            self.fatal.raise(&error.to_string());
        }
    }

    fn turn(&mut self) -> Result<(), LogError> {
        let mut marked = false;
        let mut asked = Instant::now();
        loop {
            let full = !self.writer.room().next_ready;
            self.landing.set_read_only(full);
            if full && asked.elapsed() >= self.config.reserve_every {
                asked = Instant::now();
                match self.writer.try_reserve() {
                    Ok(room) => self.landing.set_room(room),
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
                    self.landing.set_room(self.writer.room());
                    marked = true;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// One sync for this batch and all that wait behind it.
    fn commit(&mut self, first: Unlogged) -> Result<(), LogError> {
        let mut flight = Flight { last: Seq(0), batches: 0, commands: 0, bytes: 0, started: Instant::now() };
        let mut next = Some(first);
        while let Some(batch) = next {
            for record in batch.records.iter() {
                self.writer.append(record.epoch, record.seq, record.at, &record.command)?;
                flight.last = record.seq;
            }
            flight.batches += 1;
            flight.commands += batch.records.len() as u64;
            flight.bytes += batch.bytes;
            // The publisher takes the records over as soon as they are durable: no share may be left here.
            drop(batch);
            next = self.batches.try_recv().ok();
        }
        flight.started = Instant::now();
        self.landing.take_off(flight);
        let durable = self.writer.sync()?;
        self.landing.landed(durable, self.writer.room());
        self.in_flight.set(self.batches.len() as f64);
        Ok(())
    }
}

fn receive(batches: &Receiver<Unlogged>, patience: Duration) -> Result<Unlogged, RecvTimeoutError> {
    if patience == Duration::MAX {
        batches.recv().map_err(|_| RecvTimeoutError::Disconnected)
    } else {
        batches.recv_timeout(patience)
    }
}
