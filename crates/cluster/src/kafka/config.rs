//! `[kafka]`: where the brokers are, and what is expected of the topics.

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

/// Stands for the shard's name in the name of a topic.
const SHARD: &str = "{shard}";
/// And for what an event topic has.
const TOPIC: &str = "{topic}";

/// `[kafka]`, read where `log.kind` is `kafka`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSection {
    /// `host:port`, several with commas between.
    pub brokers: String,
    /// Name of the operation log's topic.
    pub operlog_topic: String,
    /// Names of the topics in which events are told to others, such as `{shard}-{topic}`; empty: they are not told.
    pub event_topics: String,
    /// Whether a missing topic is made; else its lack is an error.
    pub create_topics: bool,
    /// Replicas of a topic that is made.
    pub replication: i32,
    /// Replicas that must have a record before it counts: made so, and demanded of a topic that is there.
    pub min_insync: i32,
    /// Without a sign of life of the log for so long, new orders are refused and only cancels taken.
    pub stall_ms: u64,
    /// A leader that has not reached the log for so long lets a stand-by lead that does.
    pub hand_over_ms: u64,
}

impl Default for KafkaSection {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            operlog_topic: format!("{SHARD}-operlog"),
            event_topics: String::new(),
            create_topics: false,
            replication: 3,
            min_insync: 2,
            stall_ms: 2_000,
            hand_over_ms: 1_500,
        }
    }
}

impl KafkaSection {
    pub fn topic(&self, shard: &str) -> String {
        self.operlog_topic.replace(SHARD, shard)
    }

    /// Name of an event topic: of `deals`, say.
    pub fn event_topic(&self, shard: &str, topic: &str) -> String {
        self.event_topics.replace(SHARD, shard).replace(TOPIC, topic)
    }
}

impl Section for KafkaSection {
    const NAME: &'static str = "kafka";

    fn check(&self) -> Result<(), Invalid> {
        let broker = |broker: &str| broker.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if !self.brokers.split(',').all(broker) {
            return Err(Invalid::new("brokers", format!("{:?} is not host:port, with commas between", self.brokers)));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_name = |topic: &str| !topic.is_empty() && topic.len() <= 200 && topic.chars().all(plain);
        if !is_name(&self.topic("x")) {
            return Err(Invalid::new("operlog_topic", format!("{:?} is no name of a topic", self.operlog_topic)));
        }
        let of_each = self.event_topics.contains(TOPIC) && is_name(&self.event_topic("x", "positions"));
        if !self.event_topics.is_empty() && !of_each {
            let reason = format!("{:?} is no name of a topic with {TOPIC} in it", self.event_topics);
            return Err(Invalid::new("event_topics", reason));
        }
        if !(1..=64).contains(&self.replication) {
            return Err(Invalid::new("replication", format!("{} is not between 1 and 64", self.replication)));
        }
        if !(1..=self.replication).contains(&self.min_insync) {
            let reason = format!("{} is not between 1 and kafka.replication, {}", self.min_insync, self.replication);
            return Err(Invalid::new("min_insync", reason));
        }
        for (key, value, least) in [("stall_ms", self.stall_ms, 10), ("hand_over_ms", self.hand_over_ms, 500)] {
            if !(least..=600_000).contains(&value) {
                return Err(Invalid::new(key, format!("{value} is not between {least} and 600000")));
            }
        }
        Ok(())
    }
}
