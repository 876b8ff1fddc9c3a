//! Whether this process reaches the log at all: asks the partition's leader time and again where the log ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use allin_runtime::oplog::LogError;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::client::{self, failed};
use super::log::KafkaLog;
use super::tail::PARTITION;

/// Between two questions, and the longest wait for an answer.
const EVERY: Duration = Duration::from_millis(250);
const ANSWER_MAX: Duration = Duration::from_millis(1_000);

/// What the questions so far have shown.
#[derive(Clone, Copy)]
struct Seen {
    /// When the last question that was answered was asked.
    last: Instant,
    /// Questions that were asked.
    asked: u64,
}

/// Kept by a thread of its own, for as long as this lives.
pub struct Sight(Arc<Mutex<Seen>>);

impl Sight {
    /// Counts from now, as if the log had been seen.
    pub fn start(log: &KafkaLog) -> Result<Sight, LogError> {
        let blind = |error: String| failed("see", log.topic(), error);
        let consumer: BaseConsumer =
            client::consumer(log.brokers()).create().map_err(|error| blind(error.to_string()))?;
        let seen = Arc::new(Mutex::new(Seen { last: Instant::now(), asked: 0 }));
        let (told, topic) = (Arc::downgrade(&seen), log.topic().to_owned());
        let look = move || look(&consumer, &topic, &told);
        let thread = std::thread::Builder::new().name("log-sight".into()).spawn(look);
        thread.map_err(|error| blind(error.to_string()))?;
        Ok(Sight(seen))
    }

    /// When the last question that was answered was asked.
    pub fn last(&self) -> Instant {
        held(&self.0).last
    }

    /// How many questions were asked so far; the last of them may still wait for its answer.
    pub fn asked(&self) -> u64 {
        held(&self.0).asked
    }
}

fn held(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(consumer: &BaseConsumer, topic: &str, told: &Weak<Mutex<Seen>>) {
    loop {
        let asked = Instant::now();
        let Some(seen) = told.upgrade() else { return };
        held(&seen).asked += 1;
        drop(seen);
        match consumer.fetch_watermarks(topic, PARTITION, ANSWER_MAX) {
            Ok(_) => {
                let Some(seen) = told.upgrade() else { return };
                held(&seen).last = asked;
            }
            Err(error) => tracing::debug!(topic, %error, "the log is out of sight"),
        }
        // Takes off what the client has to say of connections; there are no messages.
        drop(consumer.poll(Duration::ZERO));
        std::thread::sleep(EVERY);
    }
}
