//! The leader's side: sends messages without waiting, reads them back, and tells what may be acknowledged.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_runtime::oplog::{Landed, LogError, LogWriter, Room};
use rdkafka::ClientContext;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer};

use super::client::{self, failed};
use super::log::KafkaLog;
use super::message::{self, Draft};
use super::tail::{Judged, PARTITION, Tail};

/// How long the reading back looks at once, before it sees whether the log is stalled or closed.
const LOOK: Duration = Duration::from_millis(50);
/// How long a close waits for what was sent.
const CLOSE_MAX: Duration = Duration::from_secs(30);
/// As much as anybody asks for: Kafka's disk is not ours to watch.
const ROOMY: u64 = u64::MAX / 4;

pub(super) struct KafkaWriter {
    producer: ThreadedProducer<Reports>,
    log: KafkaLog,
    /// From its claim on.
    epoch: Option<Epoch>,
    draft: Draft,
    /// The last sequence appended.
    last: Seq,
    shared: Arc<Shared>,
    /// Where the reading back begins, until it does.
    tail: Option<Tail>,
    reader: Option<JoinHandle<()>>,
}

/// Between the writer, the producer's reports and the reading back.
struct Shared {
    state: Mutex<State>,
    /// Read back; changes under the lock.
    durable: AtomicU64,
    changed: Condvar,
}

struct State {
    /// Handed to the producer.
    sent: Seq,
    /// Sequence and checksum of the last record of each message on its way.
    on_the_way: VecDeque<(Seq, u32)>,
    /// When something was read back last, or sent while nothing was on its way.
    sign_of_life: Instant,
    stalled: bool,
    stop: bool,
    failed: Option<LogError>,
    landed: Option<Arc<dyn Landed>>,
}

/// Hears of messages that Kafka refused for good.
struct Reports {
    shared: Arc<Shared>,
    topic: String,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.shared.fail(failed("write to", &self.topic, error));
        }
    }
}

impl KafkaWriter {
    /// Connects, and waits for an epoch: that takes a producer half a second, which nobody should wait for who takes over.
    pub fn new(log: &KafkaLog) -> Result<KafkaWriter, LogError> {
        let state = State {
            sent: Seq(0),
            on_the_way: VecDeque::new(),
            sign_of_life: Instant::now(),
            stalled: false,
            stop: false,
            failed: None,
            landed: None,
        };
        let (state, durable) = (Mutex::new(state), AtomicU64::new(0));
        let shared = Arc::new(Shared { state, durable, changed: Condvar::new() });
        let reports = Reports { shared: shared.clone(), topic: log.topic().to_owned() };
        let producer = client::producer(log.brokers()).create_with_context(reports);
        let producer = producer.map_err(|error| failed("write to", log.topic(), error))?;
        Ok(KafkaWriter {
            producer,
            draft: Draft::new(log.shard()),
            log: log.clone(),
            epoch: None,
            last: Seq(0),
            shared,
            tail: None,
            reader: None,
        })
    }

    /// Writes under this epoch from now on.
    pub fn begin(&mut self, epoch: Epoch) {
        assert!(self.epoch.is_none(), "a writer leads once");
        self.epoch = Some(epoch);
        self.log.open();
    }

    /// The log ends at `last`, and its own messages come next on `tail`.
    pub fn follow(&mut self, tail: Tail, last: Seq) {
        self.shared.lock().sent = last;
        self.shared.durable.store(last.0, Ordering::Release);
        self.last = last;
        self.tail = Some(tail);
    }

    pub fn send(&self, bytes: &[u8], at: Timestamp) -> Result<(), LogError> {
        let record = BaseRecord::<(), [u8]>::to(self.log.topic())
            .partition(PARTITION)
            .payload(bytes)
            .timestamp(message::kafka_time(at));
        // What was refused here never reached the log, but those behind it must not either.
        self.producer.send(record).map_err(|(error, _)| {
            let error = failed("write to", self.log.topic(), error);
            self.shared.fail(error.clone());
            error
        })
    }

    pub fn check(&self) -> Result<(), LogError> {
        self.shared.lock().failed.clone().map_or(Ok(()), Err)
    }

    fn send_draft(&mut self) -> Result<(), LogError> {
        let Some((seq, at, crc)) = self.draft.last() else { return Ok(()) };
        let mut state = self.shared.lock();
        if state.on_the_way.is_empty() {
            state.sign_of_life = Instant::now();
        }
        state.on_the_way.push_back((seq, crc));
        state.sent = seq;
        drop(state);
        let sent = self.send(self.draft.bytes(), at);
        self.draft.clear();
        sent
    }

    fn stop_reading(&mut self) {
        self.shared.lock().stop = true;
        if self.epoch.is_some() {
            self.log.close();
        }
        if let Some(reader) = self.reader.take() {
            // It tells its own failures.
            let _ = reader.join();
        }
    }
}

impl LogWriter for KafkaWriter {
    fn start(&mut self, landed: Arc<dyn Landed>) {
        let (Some(tail), Some(epoch)) = (self.tail.take(), self.epoch) else { return };
        self.shared.lock().landed = Some(landed);
        let (shared, stall) = (self.shared.clone(), self.log.stall());
        let read = move || {
            if let Err(error) = (ReadBack { shared: &shared, tail, epoch, stall }).run() {
                shared.fail(error);
            }
        };
        match std::thread::Builder::new().name("shard-readback".into()).spawn(read) {
            Ok(thread) => self.reader = Some(thread),
            Err(error) => self.shared.fail(failed("read back", self.log.topic(), error)),
        }
    }

    fn append(&mut self, epoch: Epoch, seq: Seq, at: Timestamp, command: &Command) -> Result<(), LogError> {
        assert_eq!(Some(epoch), self.epoch, "a leader writes under its own epoch");
        assert!(seq.0 == self.last.0 + 1, "sequence {} after {}", seq.0, self.last.0);
        self.draft.push((epoch, seq, at), self.shared.durable(), command).map_err(LogError::Malformed)?;
        self.last = seq;
        if self.draft.is_full() { self.send_draft() } else { Ok(()) }
    }

    /// Everything is on its way after this, and nothing is waited for.
    fn sync(&mut self) -> Result<Seq, LogError> {
        self.check()?;
        self.send_draft()?;
        Ok(self.shared.durable())
    }

    fn room(&self) -> Room {
        self.shared.lock().room()
    }

    fn try_reserve(&mut self) -> Result<Room, LogError> {
        Ok(self.room())
    }

    fn mark(&mut self) -> Result<(), LogError> {
        self.check()
    }

    fn close(mut self: Box<Self>) -> Result<(), LogError> {
        self.send_draft()?;
        let waiting = |state: &mut State| state.failed.is_none() && self.shared.durable() < state.sent;
        let (state, timeout) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), CLOSE_MAX, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        let failure = state.failed.clone();
        drop(state);
        self.stop_reading();
        match failure {
            Some(error) => Err(error),
            None if timeout.timed_out() => Err(failed("close", self.log.topic(), "what was sent does not come back")),
            None => Ok(()),
        }
    }
}

impl Drop for KafkaWriter {
    fn drop(&mut self) {
        self.stop_reading();
        // What still waits need not be written by one who does not lead any more; if it is, it is void.
        self.producer.purge(PurgeConfig::default().queue());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn durable(&self) -> Seq {
        Seq(self.durable.load(Ordering::Acquire))
    }

    /// The first failure is told, once, and the last: nothing is durable after it.
    fn fail(&self, error: LogError) {
        let mut state = self.lock();
        if state.failed.is_some() || state.stop {
            return;
        }
        state.failed = Some(error.clone());
        let landed = state.landed.clone();
        drop(state);
        self.changed.notify_all();
        if let Some(landed) = landed {
            landed.failed(error);
        }
    }
}

impl State {
    /// What comes back must be what was sent: a message, whole and in its turn.
    fn compare(&mut self, seq: Seq, crc: u32) -> Result<(), LogError> {
        if self.on_the_way.pop_front() == Some((seq, crc)) {
            return Ok(());
        }
        let why = format!("sequence {} came back otherwise than it was sent", seq.0);
        Err(LogError::Unfit { file: "the log".into(), why })
    }

    fn room(&self) -> Room {
        Room { bytes_left: ROOMY, next_ready: !self.stalled }
    }
}

/// The leader's own reading: what comes back under its epoch is durable; a higher epoch is its end.
struct ReadBack<'a> {
    shared: &'a Shared,
    tail: Tail,
    epoch: Epoch,
    stall: Duration,
}

impl ReadBack<'_> {
    fn run(mut self) -> Result<(), LogError> {
        loop {
            let mut last = None;
            let ours = self.epoch;
            self.tail.advance(LOOK, |judged| match judged {
                Judged::Begin { epoch, .. } => Err(LogError::Deposed { epoch: ours.0, by: epoch.0 }),
                Judged::Command(record) => {
                    last = Some((record.header.seq, record.crc));
                    Ok(())
                }
            })?;
            let mut state = self.shared.lock();
            if state.stop || state.failed.is_some() {
                return Ok(());
            }
            if let Some((seq, crc)) = last {
                state.compare(seq, crc)?;
                self.shared.durable.store(seq.0, Ordering::Release);
                state.sign_of_life = Instant::now();
            }
            let durable = self.shared.durable();
            let stalled = durable < state.sent && state.sign_of_life.elapsed() >= self.stall;
            let turned = std::mem::replace(&mut state.stalled, stalled) != stalled;
            let (room, landed) = (state.room(), state.landed.clone());
            drop(state);
            if let Some(landed) = landed.filter(|_| last.is_some() || turned) {
                landed.landed(durable, room);
                self.shared.changed.notify_all();
            }
        }
    }
}
