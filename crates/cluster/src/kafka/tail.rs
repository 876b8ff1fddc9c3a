//! A reader's place in the partition: takes message by message, and lets the judge say what counts.

use std::time::{Duration, Instant};

use allin_core::ids::{Epoch, Seq};
use allin_runtime::oplog::{LogError, Place};
use allin_wire::oplog::frame::{self, Record};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, ANSWER_MAX, failed, is_passing};
use super::judge::{Judge, Verdict, Void};
use super::log::KafkaLog;
use super::message::{self, ClaimId};

/// The one partition of a shard's topic.
pub(super) const PARTITION: i32 = 0;

/// Between two questions to a broker that did not answer.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A record that counts.
pub(super) enum Judged<'a> {
    Command(&'a Record<'a>),
    Begin { epoch: Epoch, id: ClaimId },
}

pub(super) struct Tail {
    consumer: BaseConsumer,
    topic: String,
    salt: u32,
    judge: Judge,
    /// Of the message expected next.
    offset: i64,
    /// The record of the place where the reading began, until it has been seen.
    anchor: Option<(Epoch, Seq)>,
}

impl Tail {
    /// Stands somewhere before the command after the place, so that it is the first to count.
    pub fn open(log: &KafkaLog, after: Place) -> Result<Tail, LogError> {
        let topic = log.topic().to_owned();
        let unread = |error| failed("read", &topic, error);
        let consumer: BaseConsumer = client::consumer(log.brokers()).create().map_err(unread)?;
        let (low, high) = ends(&consumer, &topic)?;
        let offset = if after.seq > Seq(0) {
            let found = patiently(&topic, || lookup(&consumer, &topic, after))?;
            let lost = || LogError::Unfit {
                file: format!("the Kafka topic {topic}"),
                why: format!("it ends before sequence {}, which is known already: it is another log", after.seq.0),
            };
            found.ok_or_else(lost)?
        } else if low > 0 {
            return Err(LogError::Gone { wanted: 1, first: super::begin::begin(log)?.0 });
        } else {
            0
        };
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(&topic, PARTITION, Offset::Offset(offset)).map_err(unread)?;
        consumer.assign(&place).map_err(unread)?;
        tracing::debug!(topic, offset, low, high, after = after.seq.0, "reads the log");
        Ok(Tail {
            consumer,
            salt: message::salt(log.shard()),
            judge: Judge { epoch: after.epoch, next: Seq(after.seq.0 + 1) },
            offset,
            anchor: (after.seq > Seq(0)).then_some((after.epoch, after.seq)),
            topic,
        })
    }

    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Whether the record before the place of the start was there, or is not needed.
    pub fn is_anchored(&self) -> bool {
        self.anchor.is_none()
    }

    /// Where the log ends at this moment.
    pub fn end(&self) -> Result<i64, LogError> {
        ends(&self.consumer, &self.topic).map(|(_, high)| high)
    }

    /// Where the log begins at this moment.
    pub fn beginning(&self) -> Result<i64, LogError> {
        ends(&self.consumer, &self.topic).map(|(low, _)| low)
    }

    /// Of the message expected next.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Takes the next message and gives what counts of it to `each`. False when none came in time.
    pub fn advance(
        &mut self,
        timeout: Duration,
        mut each: impl FnMut(Judged<'_>) -> Result<(), LogError>,
    ) -> Result<bool, LogError> {
        let message = match self.consumer.poll(timeout) {
            None => return Ok(false),
            Some(Ok(message)) => message,
            Some(Err(error)) if is_passing(&error) => {
                tracing::debug!(topic = self.topic, %error, "no news of the log");
                return Ok(false);
            }
            Some(Err(error)) => return Err(self.unread(error)),
        };
        let at = message.offset();
        if at != self.offset {
            return Err(damaged(&self.topic, self.offset, self.judge.next, format!("offset {at} follows")));
        }
        self.offset += 1;
        for record in message::records(self.salt, message.payload().unwrap_or_default()) {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    // Who wrote that is not known. Had it been one of ours, the next record would tell that it is missing.
                    tracing::error!(topic = self.topic, offset = at, %error, "passes over what is no record of this log");
                    metrics::counter!("allin_kafka_foreign_messages_total", "topic" => self.topic.clone()).increment(1);
                    break;
                }
            };
            let header = &record.header;
            match self.judge.judge(header) {
                Verdict::Command => {
                    self.anchor = None;
                    each(Judged::Command(&record))?;
                }
                Verdict::Begin => each(Judged::Begin { epoch: header.epoch, id: claim_id(&record) })?,
                Verdict::Void(Void::Before) if self.anchor == Some((header.epoch, header.seq)) => self.anchor = None,
                Verdict::Void(Void::Before) => {}
                Verdict::Void(reason) => self.void(at, header, reason),
                Verdict::Damaged(_) if self.anchor.is_some() => {
                    return Err(LogError::Gone { wanted: self.judge.next.0, first: header.seq.0 });
                }
                Verdict::Damaged(why) => return Err(damaged(&self.topic, at, self.judge.next, why)),
            }
        }
        Ok(true)
    }

    /// Whoever was too slow for the trimming is told so.
    fn unread(&self, error: KafkaError) -> LogError {
        match ends(&self.consumer, &self.topic) {
            Ok((low, _)) if low > self.offset => {
                let (wanted, first) =
                    (self.judge.next.0, super::begin::first_after(&self.consumer, &self.topic, low, self.salt));
                first.map_or_else(|error| error, |first| LogError::Gone { wanted, first: first.0 })
            }
            _ => failed("read", &self.topic, error),
        }
    }

    fn void(&self, offset: i64, header: &frame::Header, reason: Void) {
        let (epoch, seq) = (header.epoch.0, header.seq.0);
        tracing::warn!(topic = self.topic, offset, epoch, seq, ?reason, "a void record");
        metrics::counter!("allin_kafka_void_records_total", "topic" => self.topic.clone()).increment(1);
    }
}

/// Where the partition begins and ends now.
pub(super) fn ends(consumer: &BaseConsumer, topic: &str) -> Result<(i64, i64), LogError> {
    patiently(topic, || consumer.fetch_watermarks(topic, PARTITION, ANSWER_MAX))
}

/// A broker that is away for a moment is asked again.
fn patiently<T>(topic: &str, ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, LogError> {
    let until = Instant::now() + ANSWER_MAX;
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() >= until => return Err(failed("read", topic, error)),
            Err(error) => tracing::debug!(topic, %error, "asks the log again"),
        }
        std::thread::sleep(ASK_AGAIN);
    }
}

fn damaged(topic: &str, offset: i64, seq: Seq, why: String) -> LogError {
    LogError::Damaged { file: format!("the Kafka topic {topic}"), offset: offset as u64, seq: seq.0, why }
}

fn claim_id(record: &Record<'_>) -> ClaimId {
    record.payload.first_chunk().copied().unwrap_or_default()
}

/// A place at or before the message that holds the record of `after`: a message has the time of its last record, and times
/// never go back, so the first message that is not older is not behind it.
fn lookup(consumer: &BaseConsumer, topic: &str, after: Place) -> Result<Option<i64>, KafkaError> {
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_offset(topic, PARTITION, Offset::Offset(message::kafka_time(after.at)))?;
    let found = consumer.offsets_for_times(wanted, ANSWER_MAX)?;
    let element = found.elements().into_iter().next();
    element.map_or(Ok(None), |element| {
        element.error()?;
        Ok(match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        })
    })
}
