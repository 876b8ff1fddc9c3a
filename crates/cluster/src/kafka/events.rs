//! Event topics in Kafka: one partition each, and beside them a compacted one that says up to where all of them were told.
//!
//! A message's place is in its headers `seq` and `index`, as decimal text. The producer is idempotent, so one that lives writes
//! each message once and in order. One that starts again leaves out what it finds in the topics. Only what a predecessor had
//! under way at that moment can still come after, with places that were there before: readers skip those.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_runtime::oplog::LogError;
use allin_runtime::topics::{EventTopics, Marks, Message, Place, Topic, TopicsError};
use async_trait::async_trait;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use super::KafkaSection;
use super::client::{self, ANSWER_MAX, failed};
use super::message::kafka_time;
use super::tail::{PARTITION, ends};
use super::topic;

/// Beside [`Topic::ALL`].
const POSITIONS: &str = "positions";
/// How long a batch may take to be kept; after that it begins again.
const KEPT_MAX: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(5);

/// The topics of one shard.
pub struct KafkaTopics {
    names: Arc<Names>,
    section: KafkaSection,
    /// None before it is opened, and after a failure.
    producer: Option<Arc<ThreadedProducer<Reports>>>,
}

/// What became of the messages.
#[derive(Clone, Default)]
struct Reports(Arc<(Mutex<Reported>, Condvar)>);

#[derive(Default)]
struct Reported {
    sent: u64,
    /// Kept or refused.
    told: u64,
    /// The first one that Kafka refused for good.
    refused: Option<String>,
}

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Reported> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything sent is kept. The producer's own flush would take a tenth of a second, beside its polling thread.
    fn settle(&self, until: Instant) -> Result<(), TopicsError> {
        let wait = until.saturating_duration_since(Instant::now());
        let is_open = |state: &mut Reported| state.told < state.sent && state.refused.is_none();
        let waited = self.0.1.wait_timeout_while(self.lock(), wait, is_open);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.refused {
            Some(refused) => Err(TopicsError(refused.clone())),
            None if timeout.timed_out() => Err(TopicsError("the brokers of the event topics do not answer".into())),
            None => Ok(()),
        }
    }
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut state = self.lock();
        state.told += 1;
        if let Err((error, message)) = result {
            state.refused.get_or_insert_with(|| format!("a message to {} was refused: {error}", message.topic()));
        }
        if state.told == state.sent || state.refused.is_some() {
            self.0.1.notify_all();
        }
    }
}

impl KafkaTopics {
    /// Of the settings' `kafka.event_topics`, which must not be empty.
    pub fn new(shard: &str, section: &KafkaSection) -> KafkaTopics {
        KafkaTopics { names: Arc::new(Names::new(shard, section)), section: section.clone(), producer: None }
    }

    /// What is not kept by now is not ours any more.
    fn forget(&mut self) {
        if let Some(producer) = self.producer.take() {
            producer.purge(PurgeConfig::default().queue().inflight());
        }
    }
}

/// Names of all topics; [`Topic::ALL`]'s order.
struct Names {
    topics: [String; 4],
    positions: String,
}

impl Names {
    fn new(shard: &str, section: &KafkaSection) -> Names {
        let name = |topic: &str| section.event_topic(shard, topic);
        Names { topics: Topic::ALL.map(|topic| name(topic.name())), positions: name(POSITIONS) }
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        self.topics.iter().chain([&self.positions])
    }

    fn of(&self, topic: Topic) -> &str {
        &self.topics[topic as usize]
    }
}

#[async_trait]
impl EventTopics for KafkaTopics {
    async fn open(&mut self) -> Result<Marks, TopicsError> {
        self.forget();
        let (names, section) = (self.names.clone(), self.section.clone());
        let opened = spawn_blocking(move || -> Result<_, LogError> {
            ensure(&names, &section)?;
            let marks = marks(&names, &section)?;
            let producer = client::producer(&section.brokers)
                .set("linger.ms", "2")
                .create_with_context(Reports::default())
                .map_err(|error: KafkaError| failed("write to", &names.positions, error))?;
            Ok((marks, producer))
        });
        let (marks, producer) = opened.await.map_err(|error| TopicsError(error.to_string()))??;
        self.producer = Some(Arc::new(producer));
        Ok(marks)
    }

    async fn publish(&mut self, messages: Vec<Message>, position: Seq) -> Result<(), TopicsError> {
        let producer = self.producer.clone().ok_or_else(|| TopicsError("the topics are not open".into()))?;
        let names = self.names.clone();
        let kept = spawn_blocking(move || keep(&producer, &names, &messages, position));
        let kept = kept.await.map_err(|error| TopicsError(error.to_string()))?;
        if kept.is_err() {
            self.forget();
        }
        kept
    }
}

fn keep(
    producer: &ThreadedProducer<Reports>,
    names: &Names,
    messages: &[Message],
    position: Seq,
) -> Result<(), TopicsError> {
    let until = Instant::now() + KEPT_MAX;
    for message in messages {
        let (seq, index) = (message.place.seq.0.to_string(), message.place.index.to_string());
        let headers = OwnedHeaders::new_with_capacity(2)
            .insert(Header { key: "seq", value: Some(&seq) })
            .insert(Header { key: "index", value: Some(&index) });
        let record = BaseRecord::to(names.of(message.topic))
            .partition(PARTITION)
            .key(message.key.as_str())
            .payload(message.json.as_str())
            .headers(headers)
            .timestamp(kafka_time(message.at));
        send(producer, record, until)?;
    }
    producer.context().settle(until)?;
    let text = position.0.to_string();
    send(producer, BaseRecord::to(&names.positions).partition(PARTITION).key("events").payload(text.as_str()), until)?;
    producer.context().settle(until)
}

/// Waits for room in the producer's queue.
fn send(
    producer: &ThreadedProducer<Reports>,
    mut record: BaseRecord<'_, str, str>,
    until: Instant,
) -> Result<(), TopicsError> {
    // Before it is sent: its report may come at once.
    producer.context().lock().sent += 1;
    while let Err((error, again)) = producer.send(record) {
        let is_full = error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        if !is_full || Instant::now() > until {
            return Err(TopicsError(format!("a message to {} was not taken: {error}", again.topic)));
        }
        std::thread::sleep(LOOK);
        record = again;
    }
    Ok(())
}

/// What is known of a shard's event topics.
pub struct EventsLook {
    pub missing: Vec<String>,
    /// Up to where they are told, if none is missing.
    pub position: Option<Seq>,
}

/// Looks at the topics of `kafka.event_topics`, and makes none. Blocks.
pub fn look_at_events(shard: &str, section: &KafkaSection) -> Result<EventsLook, LogError> {
    let names = Names::new(shard, section);
    let missing = topic::missing(&section.brokers, names.all())?;
    let position = if missing.is_empty() { Some(marks(&names, section)?.position) } else { None };
    Ok(EventsLook { missing, position })
}

/// Refuses missing topics, or makes them where the settings say so.
fn ensure(names: &Names, section: &KafkaSection) -> Result<(), LogError> {
    for name in topic::missing(&section.brokers, names.all())? {
        if !section.create_topics {
            let why = "it is not there; make it with one partition, or set kafka.create_topics = true";
            return Err(failed("use", &name, why));
        }
        let policy = if name == names.positions { "compact" } else { "delete" };
        let settings = [("cleanup.policy", policy.to_owned()), ("min.insync.replicas", section.min_insync.to_string())];
        topic::make(&section.brokers, &name, section.replication, &settings)?;
    }
    Ok(())
}

fn marks(names: &Names, section: &KafkaSection) -> Result<Marks, LogError> {
    let unread = |name: &str, why: &str| failed("read", name, why);
    let mut last = last(names, section)?;
    let mut marks = Marks::default();
    if let Some(last) = last.remove(&names.positions) {
        marks.position = last.text.parse().map(Seq).map_err(|_| unread(&names.positions, "it has no number"))?;
    }
    for topic in Topic::ALL {
        let name = names.of(topic);
        if let Some(last) = last.remove(name) {
            let place = last.place.ok_or_else(|| unread(name, "its last message is not ours: it has no place"))?;
            marks.last.insert(topic, place);
        }
    }
    Ok(marks)
}

struct Last {
    text: String,
    place: Option<Place>,
}

/// The last message of each topic that has one.
fn last(names: &Names, section: &KafkaSection) -> Result<BTreeMap<String, Last>, LogError> {
    let unread = |error: KafkaError| failed("read", &names.positions, error);
    let consumer: BaseConsumer = client::consumer(&section.brokers).create().map_err(unread)?;
    let (mut wanted, mut places) = (BTreeMap::new(), TopicPartitionList::new());
    for name in names.all() {
        let (low, high) = ends(&consumer, name)?;
        if low < high {
            wanted.insert(name.clone(), high - 1);
            places.add_partition_offset(name, PARTITION, Offset::Offset(high - 1)).map_err(unread)?;
        }
    }
    // All at once: a consumer that has read one to its end would wait there before it reads the next.
    consumer.assign(&places).map_err(unread)?;
    let (mut found, until) = (BTreeMap::new(), Instant::now() + ANSWER_MAX);
    while found.len() < wanted.len() {
        if Instant::now() > until {
            return Err(failed("read", &names.positions, "the last messages of the event topics do not come"));
        }
        match consumer.poll(LOOK) {
            None => {}
            Some(Err(error)) if client::is_passing(&error) => {}
            Some(Err(error)) => return Err(unread(error)),
            Some(Ok(message)) if wanted.get(message.topic()) != Some(&message.offset()) => {}
            Some(Ok(message)) => drop(found.insert(message.topic().to_owned(), read(&message))),
        }
    }
    Ok(found)
}

fn read(message: &BorrowedMessage<'_>) -> Last {
    let number = |key: &str| {
        let header = message.headers()?.iter().find(|header| header.key == key)?;
        std::str::from_utf8(header.value?).ok()?.parse::<u64>().ok()
    };
    let place = || Some(Place { seq: Seq(number("seq")?), index: u32::try_from(number("index")?).ok()? });
    Last { text: String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned(), place: place() }
}
