//! What was acknowledged is there: after a stop, from a snapshot, from the first record.

use allin_core::ids::Seq;
use allin_runtime::engine::EventBus;
use allin_runtime::storage::SimStorage;
use allin_testing::middleware::Kafka;

use super::support::*;

const COMMANDS: u64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_stop_from_a_snapshot_and_from_the_beginning() {
    let log = new_log(Kafka::shared());
    let (shard, fatals) = listed(&log).await;
    let pipeline = shard.engine().pipeline(4_096);
    let mut done = drive(&pipeline, 0..COMMANDS / 2);
    shard.stop();

    let storage = SimStorage::new();
    let (shard, _) = lead(&log, &storage).expect("from the first record");
    done.extend(drive(&shard.engine().pipeline(4_096), COMMANDS / 2..COMMANDS));
    let snapshot = shard.snapshot().await.expect("written");
    done.extend(drive(&shard.engine().pipeline(64), COMMANDS..COMMANDS + 500));
    let before = status(&shard).await;
    let mut events = shard.bus().subscribe("test", Seq(1)).await.expect("a subscription");
    assert_eq!(events.next().await.expect("a batch").first_seq(), Some(Seq(1)), "the bus replays the log");
    shard.stop();

    let told = acknowledged(&done);
    assert_eq!(told.len() as u64, COMMANDS + 500, "every command was acknowledged");
    let all = entries(&log, before.1);
    assert_once(&all, &told);
    assert_eq!(refold(&all).digest(), before.2, "replay = leader");

    let (shard, _) = lead(&log, &storage).expect("from the snapshot");
    let after = status(&shard).await;
    assert!(snapshot.seq < before.1 && after.1.0 == before.1.0 + 1, "one command more: the epoch's first");
    assert_eq!(refold(&entries(&log, after.1)).digest(), after.2, "snapshot + tail = replay");
    assert_eq!(after.0.0, 3, "an epoch a start");
    shard.stop();
    assert_eq!(fatals.told(), [] as [&str; 0]);
}
