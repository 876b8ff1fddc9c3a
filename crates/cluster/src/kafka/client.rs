//! How the clients of Kafka are set up.

use std::time::Duration;

use allin_runtime::oplog::LogError;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

/// Longest wait for an answer about the topic itself: its ends, its settings.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);

pub fn base(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "allin")
        .set("socket.nagle.disable", "true")
        // A broker that comes back is found soon.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "500");
    config
}

/// Every message once, in order, on all replicas in sync, for as long as it takes.
pub fn producer(brokers: &str) -> ClientConfig {
    let mut config = base(brokers);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", "0")
        .set("linger.ms", "0")
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "200")
        // The shard bounds what is on its way; see `bytes_in_flight_max`.
        .set("queue.buffering.max.kbytes", "262144")
        .set("message.max.bytes", super::MESSAGE_BYTES_MAX.to_string());
    config
}

/// One partition from a place on, for one reader; nothing is ever committed.
pub fn consumer(brokers: &str) -> ClientConfig {
    let mut config = base(brokers);
    config
        // Assigning a partition by hand asks for the name of a group, which is used for nothing.
        .set("group.id", "allin-operlog")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "500")
        .set("fetch.error.backoff.ms", "20")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", "65536");
    config
}

pub fn failed(doing: &'static str, topic: &str, error: impl std::fmt::Display) -> LogError {
    LogError::Remote { doing, log: format!("the Kafka topic {topic}"), why: error.to_string() }
}

/// Whether waiting may help: brokers go and come, leaders move.
pub fn is_passing(error: &KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    let lasting = [
        Code::AutoOffsetReset,
        Code::OffsetOutOfRange,
        Code::TopicAuthorizationFailed,
        Code::GroupAuthorizationFailed,
        Code::BadMessage,
        Code::InvalidMessage,
        Code::UnsupportedCompressionType,
    ];
    match error {
        KafkaError::MessageConsumption(code) => !lasting.contains(code),
        KafkaError::PartitionEOF(_) => true,
        _ => false,
    }
}
