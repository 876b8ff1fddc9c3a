//! What is on its way to the log, and what of it has landed. Told by the log thread, or by a thread of the log's own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use allin_core::ids::Seq;
use metrics::{Counter, Gauge, Histogram};

use super::fatal::Fatal;
use super::inbox::Inbox;
use super::progress::Progress;
use crate::oplog::{Landed, LogError, Room};

pub(super) struct Landing {
    pub progress: Arc<Progress>,
    pub inbox: Arc<Inbox>,
    pub fatal: Fatal,
    flights: Mutex<VecDeque<Flight>>,
    series: Series,
}

/// Batches that were sent together.
pub(super) struct Flight {
    pub last: Seq,
    pub batches: u64,
    pub commands: u64,
    pub bytes: u64,
    pub started: Instant,
}

struct Series {
    sync_us: Histogram,
    batch_commands: Histogram,
    commands: Counter,
    durable_seq: Gauge,
    read_only: Gauge,
}

impl Landing {
    pub fn new(shard: &str, progress: Arc<Progress>, inbox: Arc<Inbox>, fatal: Fatal) -> Landing {
        let label = shard.to_owned();
        let series = Series {
            sync_us: metrics::histogram!("allin_shard_log_sync_us", "shard" => label.clone()),
            batch_commands: metrics::histogram!("allin_shard_log_sync_commands", "shard" => label.clone()),
            commands: metrics::counter!("allin_shard_commands_total", "shard" => label.clone()),
            durable_seq: metrics::gauge!("allin_shard_durable_seq", "shard" => label.clone()),
            read_only: metrics::gauge!("allin_shard_read_only", "shard" => label),
        };
        Landing { progress, inbox, fatal, flights: Mutex::default(), series }
    }

    /// To be called before the log can have them.
    pub fn take_off(&self, flight: Flight) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).push_back(flight);
    }

    pub fn set_room(&self, room: Room) {
        self.progress.update(|logged| logged.room = room);
        self.set_read_only(!room.next_ready);
    }

    pub fn set_read_only(&self, read_only: bool) {
        if self.inbox.is_read_only() != read_only {
            self.inbox.set_read_only(read_only);
            self.series.read_only.set(f64::from(u8::from(read_only)));
            if read_only {
                tracing::warn!("the log has no room: only cancels are taken until it has some");
            } else {
                tracing::info!("the log has room again");
            }
        }
    }
}

impl Landed for Landing {
    fn landed(&self, seq: Seq, room: Room) {
        self.set_read_only(!room.next_ready);
        // Held to the end, so that two who tell at once tell in order.
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut batches, mut commands, mut bytes) = (0, 0, 0);
        while let Some(flight) = flights.pop_front_if(|flight| flight.last <= seq) {
            batches += flight.batches;
            commands += flight.commands;
            bytes += flight.bytes;
            self.series.sync_us.record(flight.started.elapsed().as_micros() as f64);
            self.series.batch_commands.record(flight.commands as f64);
        }
        self.progress.update(|logged| {
            logged.durable = logged.durable.max(seq);
            logged.batches += batches;
            logged.commands += commands;
            logged.bytes += bytes;
            logged.room = room;
        });
        self.series.commands.increment(commands);
        self.series.durable_seq.set(seq.0 as f64);
    }

    fn failed(&self, error: LogError) {
        self.fatal.raise(&error.to_string());
    }
}
