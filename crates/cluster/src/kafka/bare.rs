//! What client and broker can do without a log between them: the log's own producer, for benches to hold the log against.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use allin_runtime::oplog::LogError;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::client::{self, failed};
use super::log::KafkaLog;
use super::tail::PARTITION;

/// Longest wait for the next delivery.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct Counts {
    delivered: Arc<AtomicUsize>,
    lost: Arc<AtomicUsize>,
}

impl ClientContext for Counts {}

impl ProducerContext for Counts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let count = if result.is_ok() { &self.delivered } else { &self.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends each payload as a message of its own to the log's topic, with the log's settings, and gives the time until the last
/// was confirmed. No reader takes what this writes for a log.
pub fn produce<'a>(
    log: &KafkaLog,
    payloads: impl Iterator<Item = &'a [u8]>,
    in_flight_max: usize,
) -> Result<Duration, LogError> {
    let unsent = |error: &dyn std::fmt::Display| failed("write to", log.topic(), error);
    let counts = Counts::default();
    let producer: BaseProducer<Counts> =
        client::producer(log.brokers()).create_with_context(counts.clone()).map_err(|error| unsent(&error))?;
    // Connected, as the log's is.
    producer.client().fetch_metadata(Some(log.topic()), PATIENCE).map_err(|error| unsent(&error))?;
    let begun = Instant::now();
    let mut sent = 0;
    for payload in payloads {
        while sent - counts.delivered.load(Ordering::Relaxed) >= in_flight_max {
            producer.poll(Duration::from_millis(1));
            if counts.lost.load(Ordering::Relaxed) > 0 {
                return Err(unsent(&"a message was lost"));
            }
        }
        let mut record = BaseRecord::<(), [u8]>::to(log.topic()).partition(PARTITION).payload(payload);
        while let Err((error, again)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(unsent(&error));
            }
            producer.poll(Duration::from_millis(1));
            record = again;
        }
        sent += 1;
    }
    producer.flush(PATIENCE).map_err(|error| unsent(&error))?;
    if counts.delivered.load(Ordering::Relaxed) == sent {
        Ok(begun.elapsed())
    } else {
        Err(unsent(&"a message was lost"))
    }
}
