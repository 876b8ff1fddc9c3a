//! Event topics in a real broker: killed, stopped and started again in every order, they hold each event once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use allin_cluster::kafka::{KafkaSection, KafkaTopics, MESSAGE_BYTES_MAX};
use allin_core::ids::{Seq, Timestamp};
use allin_core::spot::event::Event;
use allin_exchange::follow::Pace;
use allin_exchange::service::Starting;
use allin_exchange::topics::{self, Handles};
use allin_runtime::oplog::Machine;
use allin_runtime::shard::Shard;
use allin_runtime::topics::{EventTopics, Marks, Message as AnyMessage, Place, Topic};
use allin_testing::middleware::Kafka;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use super::support::*;

/// Commands of one stretch.
const SENT: u64 = 700;

fn told_in(kafka: &Kafka) -> KafkaSection {
    let log = section(kafka);
    KafkaSection { event_topics: log.operlog_topic.replace("operlog", "{topic}"), ..log }
}

fn topics(section: &KafkaSection) -> KafkaTopics {
    KafkaTopics::new(SHARD, section)
}

async fn marks(section: &KafkaSection) -> Marks {
    topics(section).open().await.expect("they can be read")
}

/// A publisher that ends when it is dropped, in whatever it does.
struct Life(tokio::task::JoinHandle<()>);

impl Life {
    fn start(section: &KafkaSection, shard: &Shard) -> Life {
        let handles = Handles {
            engine: shard.engine(),
            bus: shard.bus(),
            topics: Box::new(topics(section)),
            pace: Pace { interval: Duration::from_millis(5), events_max: 500 },
            standing_page: 1_000,
        };
        Life(tokio::spawn(async move {
            let starting = Starting::new("test");
            topics::run(handles, starting.stopping()).await.expect("it goes on until it is stopped");
        }))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Everything in a topic, in order: its place, and what it says. What is not beyond the last place is left out, as readers do.
fn read(section: &KafkaSection, topic: Topic) -> Vec<Value> {
    let name = section.event_topic(SHARD, topic.name());
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &section.brokers).set("group.id", "test").set("enable.partition.eof", "false");
    let consumer: BaseConsumer = config.create().expect("a client");
    let (low, high) = consumer.fetch_watermarks(&name, 0, PATIENCE).expect("it is there");
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(&name, 0, Offset::Offset(low)).expect("an offset");
    consumer.assign(&place).expect("assigned");
    let (mut all, mut last) = (vec![], None);
    for _ in low..high {
        let message = consumer.poll(PATIENCE).expect("a message").expect("it can be read");
        let header = |key: &str| {
            let found = message.headers().expect("headers").iter().find(|header| header.key == key);
            std::str::from_utf8(found.and_then(|header| header.value).expect(key)).unwrap().parse::<u64>().unwrap()
        };
        let place = Some((header("seq"), header("index")));
        if place <= last {
            continue;
        }
        last = place;
        all.push(serde_json::from_slice(message.payload().expect("a payload")).expect("JSON"));
    }
    all
}

/// The topics say what the log says, up to its end.
async fn assert_told(section: &KafkaSection, log: &allin_cluster::kafka::KafkaLog, shard: &Shard) {
    let (_, last, _) = status(shard).await;
    let (mut spot, mut events, mut deals, mut closed, mut balances) = (fresh(), vec![], vec![], vec![], 0);
    for entry in entries(log, last) {
        events.clear();
        Machine::apply(&mut spot, entry.seq, entry.at, &entry.command, &mut events);
        for event in &events {
            match event {
                Event::Trade(trade) => deals.push((entry.seq.0, trade.trade.0)),
                Event::Closed(order) => closed.push((entry.seq.0, order.order.0)),
                Event::Balance { .. } => balances += 1,
                _ => {}
            }
        }
    }
    let number = |told: &Value, key: &str| told[key].as_u64().unwrap_or_else(|| panic!("{key} of {told}"));
    let told = read(section, Topic::Deals);
    let told: Vec<_> = told.iter().map(|deal| (number(deal, "seq"), number(deal, "trade"))).collect();
    assert!(!deals.is_empty() && told == deals, "{} deals told, {} made", told.len(), deals.len());
    let told = read(section, Topic::Orders);
    let told = told.iter().filter(|order| order["event"] == "closed");
    let told: Vec<_> = told.map(|order| (number(order, "seq"), number(order, "order"))).collect();
    assert!(!closed.is_empty() && told == closed, "{} ends told, {} made", told.len(), closed.len());
    let told = read(section, Topic::Balances);
    assert_eq!(told.iter().filter(|told| told["event"] == "balance").count(), balances);
    let told = read(section, Topic::Books);
    assert!(["whole", "changed"].iter().all(|event| told.iter().any(|told| told["event"] == *event)));
}

async fn until_told(section: &KafkaSection, shard: &Shard) {
    let (_, last, _) = status(shard).await;
    let until = Instant::now() + PATIENCE;
    while marks(section).await.position < last {
        assert!(Instant::now() < until, "never told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_killed_anywhere_and_a_broker_that_goes_away_tell_everything_once() {
    // A broker of its own for the topics, so that the log goes on while they are away.
    let (kafka, away) = (Kafka::shared(), Kafka::start());
    let log = new_log(kafka);
    let section = told_in(&away);
    let (shard, fatals) = listed(&log).await;
    let mut sent = 0;
    let mut send = async || {
        let (from, pipeline) = (sent, shard.engine().pipeline(512));
        sent += SENT;
        tokio::task::spawn_blocking(move || drive(&pipeline, from..from + SENT)).await.expect("sent");
    };
    for round in 0..6 {
        let life = Life::start(&section, &shard);
        send().await;
        if round == 0 {
            // So that there is something to go on from.
            until_told(&section, &shard).await;
        }
        drop(life);
        send().await;
    }
    let before = marks(&section).await;
    let (_, last, _) = status(&shard).await;
    assert!(before.position > Seq(0) && before.position < last, "{before:?}, {last:?}");

    let _life = Life::start(&section, &shard);
    let begun = before.position;
    while marks(&section).await.position == begun {}
    // In the middle of what it tells.
    for _ in 0..4 {
        send().await;
    }
    away.kill();
    send().await;
    away.restart();
    until_told(&section, &shard).await;
    assert_told(&section, &log, &shard).await;
    assert_eq!(fatals.told(), [] as [&str; 0]);
    shard.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_topics_are_made_only_where_the_settings_say_so() {
    let section = told_in(Kafka::shared());
    let strict = KafkaSection { create_topics: false, ..section.clone() };
    let error = topics(&strict).open().await.expect_err("they are not there").to_string();
    assert!(error.contains("deals") && error.contains("kafka.create_topics"), "{error}");
    assert_eq!(marks(&section).await, Marks::default());
    assert_eq!(marks(&strict).await, Marks::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_kept_only_after_everything_before_it() {
    let section = told_in(Kafka::shared());
    let mut topics = topics(&section);
    assert_eq!(topics.open().await.expect("made"), Marks::default());
    // Of today: brokers drop what is older than they are to keep.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
    let at = Timestamp(now as u64);
    let message = |seq, json: &str| {
        let place = Place { seq: Seq(seq), index: 0 };
        AnyMessage { topic: Topic::Deals, key: "BTCUSDT".into(), place, at, json: json.into() }
    };
    topics.publish(vec![message(1, "{}")], Seq(2)).await.expect("kept");
    // More than any broker takes.
    let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
    topics.publish(vec![message(3, "{}"), message(4, &long)], Seq(4)).await.expect_err("refused");
    topics.publish(vec![message(5, "{}")], Seq(5)).await.expect_err("it is to be opened first");
    let marks = topics.open().await.expect("there");
    assert_eq!(marks.position, Seq(2));
    assert!(marks.last[&Topic::Deals].seq <= Seq(3), "{marks:?}");
    topics.publish(vec![], Seq(6)).await.expect("kept");
    assert_eq!(topics.open().await.expect("there").position, Seq(6));
}
