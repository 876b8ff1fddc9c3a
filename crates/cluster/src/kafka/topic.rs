//! The topic of an operation log: what it must be like for no command to be lost, and making it so.

use std::future::Future;
use std::time::Duration;

use allin_runtime::oplog::LogError;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::types::RDKafkaErrorCode;

use super::client::{self, ANSWER_MAX, failed};
use super::log::KafkaLog;
use super::{KafkaSection, MESSAGE_BYTES_MAX};

/// Between two looks at whether a topic that was made has a leader.
const MADE_POLL: Duration = Duration::from_millis(50);
const MADE_POLLS_MAX: u32 = 200;

/// A setting of a topic that must not stay as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Kafka's own name of the setting.
    pub setting: &'static str,
    pub is: String,
    pub must: String,
    pub why: &'static str,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {} and must be {}: {}", self.setting, self.is, self.must, self.why)
    }
}

/// What is known of a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Topic {
    Missing,
    There {
        /// Brokers in the cluster, and how many of them keep the partition.
        brokers: usize,
        replicas: usize,
        /// Empty: the log may be kept here.
        faults: Vec<Fault>,
    },
}

/// Looks at the log's topic. Blocks.
pub fn look(log: &KafkaLog, section: &KafkaSection) -> Result<Topic, LogError> {
    let admin = admin(log.brokers(), log.topic())?;
    let metadata = metadata(&admin, log.brokers(), log.topic())?;
    let Some(topic) = found(&metadata, log.topic()) else { return Ok(Topic::Missing) };
    let wanted = [ResourceSpecifier::Topic(log.topic())];
    let described = wait(admin.describe_configs(&wanted, &options()));
    let described = described.map_err(|error| failed("see the settings of", log.topic(), error))?;
    let resource =
        described.into_iter().next().ok_or_else(|| failed("see the settings of", log.topic(), "no answer"))?;
    let resource = resource.map_err(|code| failed("see the settings of", log.topic(), code))?;
    let mut faults = faults(&resource, section);
    if topic.partitions().len() != 1 {
        let is = topic.partitions().len().to_string();
        let why = "one partition has one order";
        faults.insert(0, Fault { setting: "partitions", is, must: "1".into(), why });
    }
    let replicas = topic.partitions().first().map_or(0, |partition| partition.replicas().len());
    Ok(Topic::There { brokers: metadata.brokers().len(), replicas, faults })
}

/// Refuses a topic that could lose a command; makes a missing one where the settings say so. Blocks.
pub fn ensure(log: &KafkaLog, section: &KafkaSection) -> Result<(), LogError> {
    let mut topic = look(log, section)?;
    if topic == Topic::Missing {
        if !section.create_topics {
            let why = "it is not there; make it with `allin doctor`'s settings, or set kafka.create_topics = true";
            return Err(failed("use", log.topic(), why));
        }
        make(log.brokers(), log.topic(), section.replication, &settings(section))?;
        topic = look(log, section)?;
    }
    let Topic::There { faults, .. } = topic else { return Err(failed("make", log.topic(), "it is not there after")) };
    if faults.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(failed("use", log.topic(), all.join("; ")))
}

/// The settings that a topic is made with, beside partitions and replicas.
pub fn settings(section: &KafkaSection) -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "delete".into()),
        ("retention.ms", "-1".into()),
        ("retention.bytes", "-1".into()),
        ("min.insync.replicas", section.min_insync.to_string()),
        ("unclean.leader.election.enable", "false".into()),
        ("message.timestamp.type", "CreateTime".into()),
        ("max.message.bytes", (MESSAGE_BYTES_MAX.max(1 << 20)).to_string()),
    ]
}

/// Makes a topic of one partition, and waits until it has a leader. One that is there by then is as good. Blocks.
pub(super) fn make(
    brokers: &str,
    name: &str,
    replication: i32,
    settings: &[(&'static str, String)],
) -> Result<(), LogError> {
    let unmade = |error: String| failed("make", name, error);
    let admin = admin(brokers, name)?;
    let mut topic = NewTopic::new(name, 1, TopicReplication::Fixed(replication));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let made = wait(admin.create_topics([&topic], &options())).map_err(|error| unmade(error.to_string()))?;
    match made.into_iter().next() {
        Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {}
        Some(Err((_, code))) => return Err(unmade(format!("{code}; kafka.replication is {replication}"))),
        None => return Err(unmade("no answer".into())),
    }
    for _ in 0..MADE_POLLS_MAX {
        let metadata = metadata(&admin, brokers, name)?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        if topic.is_some_and(|topic| topic.partitions().iter().any(|partition| partition.leader() >= 0)) {
            tracing::info!(topic = name, "made the topic");
            return Ok(());
        }
        std::thread::sleep(MADE_POLL);
    }
    Err(unmade("it has no leader".into()))
}

/// Which of these topics are not there. Blocks.
pub(super) fn missing<'a>(brokers: &str, names: impl Iterator<Item = &'a String>) -> Result<Vec<String>, LogError> {
    let admin = admin(brokers, "event topics")?;
    let mut missing = vec![];
    for name in names {
        if found(&metadata(&admin, brokers, name)?, name).is_none() {
            missing.push(name.clone());
        }
    }
    Ok(missing)
}

fn found<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a MetadataTopic> {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    topic.filter(|topic| !is_unknown(topic.error().map(Into::into)))
}

/// What could lose or reorder a command.
fn faults(resource: &ConfigResource, section: &KafkaSection) -> Vec<Fault> {
    let value = |name: &str| resource.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let number = |name: &str| value(name).parse::<i64>().unwrap_or(0);
    let mut faults = Vec::new();
    let mut must = |setting, good: bool, must: String, why| {
        if !good {
            faults.push(Fault { setting, is: value(setting), must, why });
        }
    };
    let exactly = |name: &str, wanted: &str| value(name) == wanted;
    must("cleanup.policy", exactly("cleanup.policy", "delete"), "delete".into(), "compaction drops commands");
    must("retention.ms", exactly("retention.ms", "-1"), "-1".into(), "old commands are trimmed by snapshots alone");
    must(
        "retention.bytes",
        exactly("retention.bytes", "-1"),
        "-1".into(),
        "old commands are trimmed by snapshots alone",
    );
    let insync = i64::from(section.min_insync);
    let why = "fewer replicas can lose what was acknowledged (kafka.min_insync)";
    must("min.insync.replicas", number("min.insync.replicas") >= insync, format!("{insync} or more"), why);
    let clean = exactly("unclean.leader.election.enable", "false");
    must("unclean.leader.election.enable", clean, "false".into(), "a replica that lags could become the leader");
    let created = exactly("message.timestamp.type", "CreateTime");
    must("message.timestamp.type", created, "CreateTime".into(), "the place of a snapshot is found by engine time");
    let long = number("max.message.bytes") >= MESSAGE_BYTES_MAX as i64;
    must("max.message.bytes", long, format!("{MESSAGE_BYTES_MAX} or more"), "a batch of commands is one message");
    faults
}

pub(super) fn admin(brokers: &str, topic: &str) -> Result<AdminClient<DefaultClientContext>, LogError> {
    client::base(brokers).create().map_err(|error| failed("see", topic, error))
}

fn metadata(admin: &AdminClient<DefaultClientContext>, brokers: &str, topic: &str) -> Result<Metadata, LogError> {
    let found = admin.inner().fetch_metadata(Some(topic), ANSWER_MAX);
    found.map_err(|error| failed("see", topic, format!("{error} (kafka.brokers is {brokers})")))
}

fn is_unknown(code: Option<RDKafkaErrorCode>) -> bool {
    matches!(code, Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic))
}

pub(super) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX))
}

/// The client answers from a thread of its own, so nothing has to be polled meanwhile.
pub(super) fn wait<T>(asked: impl Future<Output = Result<T, KafkaError>>) -> Result<T, KafkaError> {
    futures::executor::block_on(asked)
}
