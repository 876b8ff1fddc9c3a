//! A log that is not whole is refused; what is none of ours is passed over.

use allin_core::ids::Seq;
use allin_runtime::oplog::LogError;
use allin_runtime::storage::SimStorage;
use allin_testing::middleware::Kafka;

use super::fence::message;
use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_durable_and_is_missing_stops_the_start() {
    let log = new_log(Kafka::shared());
    let (shard, _) = listed(&log).await;
    let (epoch, last, _) = status(&shard).await;
    shard.stop();
    // Two records are lost, and the next says that they were durable.
    kafka_send(&log, &message(epoch.0, last.0 + 3..=last.0 + 3, last.0 + 2, &cancel()));
    let Err(error) = lead(&log, &SimStorage::new()) else { panic!("it starts") };
    assert!(matches!(&error, LogError::Damaged { seq, .. } if *seq == last.0 + 1), "{error}");
    assert!(error.to_string().contains("is missing, though"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_messages_and_what_nobody_was_told_of_change_nothing() {
    let log = new_log(Kafka::shared());
    let (shard, fatals) = listed(&log).await;
    let (epoch, last, _) = status(&shard).await;
    kafka_send(&log, b"what is this?");
    kafka_send(&log, b"");
    let mut flipped = message(epoch.0, last.0 + 1..=last.0 + 1, last.0, &cancel());
    flipped[45] ^= 1;
    kafka_send(&log, &flipped);
    // After a gap nobody was told of, a record under the right epoch is void too.
    kafka_send(&log, &message(epoch.0, last.0 + 7..=last.0 + 8, last.0, &cancel()));
    let told = acknowledged(&drive(&shard.engine().pipeline(64), 0..500));
    let (_, last, digest) = status(&shard).await;
    shard.stop();
    let all = entries(&log, last);
    assert_once(&all, &told);
    assert_eq!((all.len() as u64, refold(&all).digest()), (last.0, digest));
    assert_eq!(fatals.told(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_log_is_refused() {
    let (log, other) = (new_log(Kafka::shared()), new_log(Kafka::shared()));
    let storage = SimStorage::new();
    let (shard, _) = listed(&log).await;
    drive(&shard.engine().pipeline(64), 0..200);
    shard.stop();
    let (shard, _) = lead(&log, &storage).expect("it leads");
    let snapshot = shard.snapshot().await.expect("written");
    shard.stop();
    assert!(snapshot.seq > Seq(200));
    let Err(error) = lead(&other, &storage) else { panic!("it starts") };
    assert!(error.to_string().contains("it is another log"), "{error}");
}
