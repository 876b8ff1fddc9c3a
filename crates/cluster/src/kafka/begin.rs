//! Where a log begins that was trimmed.

use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_runtime::oplog::LogError;
use allin_wire::oplog::frame::kind;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, failed, is_passing};
use super::log::KafkaLog;
use super::message;
use super::tail::{PARTITION, ends};

const LOOK: Duration = Duration::from_millis(100);
/// How long the first message may take, when there is one.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first sequence that is in the log: 1 as long as nothing was removed. Blocks.
pub fn begin(log: &KafkaLog) -> Result<Seq, LogError> {
    let topic = log.topic();
    let consumer: BaseConsumer =
        client::consumer(log.brokers()).create().map_err(|error| failed("read", topic, error))?;
    match ends(&consumer, topic)? {
        (0, _) => Ok(Seq(1)),
        (low, _) => first_after(&consumer, topic, low, message::salt(log.shard())),
    }
}

/// The sequence of the first record from an offset on. The consumer reads from there afterwards, wherever it read before.
pub(super) fn first_after(consumer: &BaseConsumer, topic: &str, low: i64, salt: u32) -> Result<Seq, LogError> {
    let unread = |error: &dyn std::fmt::Display| failed("read", topic, error);
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, PARTITION, Offset::Offset(low)).map_err(|error| unread(&error))?;
    consumer.assign(&place).map_err(|error| unread(&error))?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let message = match consumer.poll(LOOK) {
            None => continue,
            Some(Ok(message)) => message,
            Some(Err(error)) if is_passing(&error) => continue,
            Some(Err(error)) => return Err(unread(&error)),
        };
        let first = message::records(salt, message.payload().unwrap_or_default()).next();
        let Some(Ok(record)) = first else { continue };
        return Ok(match record.header.kind {
            // A claim says up to where its writer had read.
            kind::EPOCH => Seq(record.header.durable.0 + 1),
            _ => record.header.seq,
        });
    }
    Err(unread(&"its first message does not come, though older ones were removed"))
}
