//! What a topic must be like.

use allin_cluster::kafka::topic::{Topic, ensure, look};
use allin_cluster::kafka::{KafkaLog, KafkaSection};
use allin_testing::middleware::Kafka;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use super::support::{SHARD, section};

async fn make(section: &KafkaSection, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &section.brokers).create().expect("a client");
    let name = section.topic(SHARD);
    let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
    let made = admin.create_topics([&topic], &AdminOptions::new()).await.expect("an answer");
    made.into_iter().for_each(|made| drop(made.expect("made")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_that_could_lose_a_command_is_named() {
    const GOOD: [(&str, &str); 2] = [("retention.ms", "-1"), ("min.insync.replicas", "1")];
    let rows: [(&str, i32, (&str, &str)); 8] = [
        ("", 1, ("retention.ms", "-1")),
        ("partitions is 2 and must be 1", 2, ("retention.ms", "-1")),
        ("cleanup.policy is compact and must be delete", 1, ("cleanup.policy", "compact")),
        ("retention.ms is 604800000 and must be -1", 1, ("retention.ms", "604800000")),
        ("retention.bytes is 1000000 and must be -1", 1, ("retention.bytes", "1000000")),
        ("unclean.leader.election.enable is true", 1, ("unclean.leader.election.enable", "true")),
        ("message.timestamp.type is LogAppendTime", 1, ("message.timestamp.type", "LogAppendTime")),
        ("max.message.bytes is 1000 and must be", 1, ("max.message.bytes", "1000")),
    ];
    for (want, partitions, setting) in rows {
        let section = section(Kafka::shared());
        let settings: Vec<_> = GOOD.into_iter().filter(|(key, _)| *key != setting.0).chain([setting]).collect();
        make(&section, partitions, &settings).await;
        let log = KafkaLog::new(SHARD, &section);
        match (ensure(&log, &section), want) {
            (Ok(()), "") => {}
            (Err(error), want) if !want.is_empty() => assert!(error.to_string().contains(want), "{error}"),
            (outcome, want) => panic!("{want:?}: {outcome:?}"),
        }
    }
    let wanted = KafkaSection { replication: 3, min_insync: 2, ..section(Kafka::shared()) };
    make(&wanted, 1, &GOOD).await;
    let error = ensure(&KafkaLog::new(SHARD, &wanted), &wanted).expect_err("one replica is not two").to_string();
    assert!(error.contains("min.insync.replicas is 1 and must be 2 or more"), "{error}");
}

#[test]
fn a_missing_topic_is_made_only_where_the_settings_say_so() {
    let section = KafkaSection { create_topics: false, ..section(Kafka::shared()) };
    let log = KafkaLog::new(SHARD, &section);
    assert_eq!(look(&log, &section).expect("an answer"), Topic::Missing);
    let error = ensure(&log, &section).expect_err("it is not there").to_string();
    assert!(error.contains("kafka.create_topics") && error.contains(log.topic()), "{error}");
    let section = KafkaSection { create_topics: true, ..section };
    ensure(&log, &section).expect("made");
    let there = Topic::There { brokers: 1, replicas: 1, faults: vec![] };
    assert_eq!(look(&log, &section).expect("an answer"), there);
}
