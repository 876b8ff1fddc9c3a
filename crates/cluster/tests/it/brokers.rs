//! Three brokers of which one goes, under a load that does not wait.

use std::time::Instant;

use allin_cluster::kafka::{KafkaLog, KafkaSection, topic};
use allin_runtime::shard::Shard;
use allin_testing::middleware::KafkaCluster;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use super::load::{Offered, OpenLoop};
use super::support::*;

/// Acknowledged before, between and after faults.
const TAKEN: usize = 4_000;

/// A topic on these brokers, the first of which leads.
async fn log_on(cluster: &KafkaCluster, brokers: &[i32]) -> KafkaLog {
    let section = KafkaSection {
        brokers: cluster.brokers(),
        replication: brokers.len() as i32,
        min_insync: 2,
        create_topics: false,
        ..section(&cluster.brokers[0])
    };
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &section.brokers).create().expect("a client");
    let (name, settings, replicas) = (section.topic(SHARD), topic::settings(&section), [brokers]);
    let wanted = NewTopic::new(&name, 1, TopicReplication::Variable(&replicas));
    let wanted = settings.iter().fold(wanted, |topic, (key, value)| topic.set(key, value));
    let made = admin.create_topics([&wanted], &AdminOptions::new()).await.expect("an answer");
    made.into_iter().for_each(|made| drop(made.expect("made")));
    let log = KafkaLog::new(SHARD, &section);
    topic::ensure(&log, &section).expect("it may keep the log");
    log
}

/// Which broker leads the partition, as anybody is told.
fn leader(log: &KafkaLog) -> Option<i32> {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", log.brokers()).create().expect("a client");
    let metadata = consumer.fetch_metadata(Some(log.topic()), PATIENCE).ok()?;
    metadata.topics().first()?.partitions().first().map(|partition| partition.leader())
}

async fn assert_whole(log: &KafkaLog, shard: Shard, offered: &Offered, fatals: &Fatals) {
    let (_, last, digest) = status(&shard).await;
    shard.stop();
    let (told, all) = (acknowledged(&offered.done), entries(log, last));
    assert_once(&all, &told);
    assert_eq!(refold(&all).digest(), digest);
    assert_eq!(fatals.told(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_replicas_stall_the_log_and_a_leader_that_moves_does_not_lose_it() {
    let cluster = KafkaCluster::start();

    // Both replicas are needed, and one goes.
    let log = log_on(&cluster, &[1, 2]).await;
    let (shard, fatals) = listed(&log).await;
    let (engine, load) = (shard.engine(), OpenLoop::start(shard.engine().pipeline(8_192)));
    load.wait_for_more(TAKEN);
    let begun = Instant::now();
    cluster.brokers[1].kill();
    wait_for("the log is stalled", || engine.is_read_only());
    let before = engine.durable();
    wait_for("the log is stalled still", || begun.elapsed().as_secs() >= 6);
    assert!(engine.is_read_only() && engine.durable() == before, "acknowledged by one replica");
    cluster.brokers[1].restart();
    wait_for("new orders are taken again", || !engine.is_read_only());
    let faulty = begun.elapsed();
    load.wait_for_more(TAKEN);
    let offered = load.end();
    offered.assert_enough(faulty);
    assert_whole(&log, shard, &offered, &fatals).await;

    // Two of three are enough, and the one that goes leads.
    let log = log_on(&cluster, &[2, 3, 1]).await;
    let (shard, fatals) = listed(&log).await;
    let load = OpenLoop::start(shard.engine().pipeline(8_192));
    load.wait_for_more(TAKEN);
    assert_eq!(leader(&log), Some(2));
    let begun = Instant::now();
    cluster.brokers[1].kill();
    wait_for("the leader moves", || leader(&log).is_some_and(|leader| leader > 0 && leader != 2));
    load.wait_for_more(TAKEN);
    let faulty = begun.elapsed();
    println!("a moved leader: {TAKEN} more acknowledged {faulty:?} after the kill");
    cluster.brokers[1].restart();
    load.wait_for_more(TAKEN);
    let offered = load.end();
    offered.assert_enough(faulty);
    assert_whole(&log, shard, &offered, &fatals).await;
}
