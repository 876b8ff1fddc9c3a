//! The log as a shard, its replica and its bus read it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_runtime::oplog::{Entry, Log, LogError, LogReader, Place};
use allin_wire::oplog::frame::Record;

use super::KafkaSection;
use super::client::failed;
use super::tail::{Judged, Tail};

/// How long a reader looks at once before it asks whether anybody still wants to know.
const LOOK: Duration = Duration::from_millis(100);
/// How long readers wait for a broker that is away once the writer is gone.
const CLOSED_WAIT_MAX: Duration = Duration::from_secs(5);

/// A shard's operation log.
#[derive(Clone)]
pub struct KafkaLog(Arc<Inner>);

struct Inner {
    shard: String,
    topic: String,
    section: KafkaSection,
    closed: AtomicBool,
}

impl KafkaLog {
    pub fn new(shard: &str, section: &KafkaSection) -> KafkaLog {
        KafkaLog(Arc::new(Inner {
            shard: shard.to_owned(),
            topic: section.topic(shard),
            section: section.clone(),
            closed: AtomicBool::new(false),
        }))
    }

    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    pub fn shard(&self) -> &str {
        &self.0.shard
    }

    pub fn brokers(&self) -> &str {
        &self.0.section.brokers
    }

    pub(super) fn stall(&self) -> Duration {
        Duration::from_millis(self.0.section.stall_ms)
    }

    /// There is a writer.
    pub(super) fn open(&self) {
        self.0.closed.store(false, Ordering::Release);
    }

    /// The writer is gone: nothing more becomes durable, and nobody should wait for it for long.
    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    pub(super) fn entry(&self, record: &Record<'_>) -> Result<Entry, LogError> {
        let header = &record.header;
        let command = allin_wire::oplog::decode(header.version, record.payload).map_err(|error| LogError::Unfit {
            file: format!("the Kafka topic {}", self.topic()),
            why: format!("sequence {} cannot be read: {error}", header.seq.0),
        })?;
        Ok(Entry { seq: header.seq, epoch: header.epoch, at: header.at, command })
    }
}

impl Log for KafkaLog {
    fn read(&self, after: Place) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(Reader { tail: Tail::open(self, after)?, ready: VecDeque::new(), log: self.clone() }))
    }
}

struct Reader {
    tail: Tail,
    ready: VecDeque<Entry>,
    log: KafkaLog,
}

impl LogReader for Reader {
    fn next(&mut self, until: Seq) -> Result<Option<Entry>, LogError> {
        let mut waited = None;
        loop {
            if let Some(entry) = self.ready.pop_front_if(|entry| entry.seq <= until) {
                return Ok(Some(entry));
            }
            if !self.ready.is_empty() || self.tail.judge().next > until {
                return Ok(None);
            }
            let Reader { tail, ready, log } = self;
            let came = tail.advance(LOOK, |judged| {
                if let Judged::Command(record) = judged {
                    ready.push_back(log.entry(record)?);
                }
                Ok(())
            })?;
            if !came && log.is_closed() {
                let since = *waited.get_or_insert_with(Instant::now);
                if since.elapsed() > CLOSED_WAIT_MAX {
                    let why = format!("sequence {} does not come", tail.judge().next.0);
                    return Err(failed("read", log.topic(), why));
                }
            }
        }
    }
}
