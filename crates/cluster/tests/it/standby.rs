//! The hot stand-by: always as far as the leader, and ready to go on.

use allin_cluster::kafka::verify;
use allin_cluster::member::StandBy;
use allin_runtime::oplog::SnapshotStore;
use allin_runtime::shard::Shard;
use allin_runtime::storage::SimStorage;
use allin_testing::middleware::Kafka;

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_stand_by_has_the_leaders_digest_takes_over_and_leaves_snapshots() {
    let log = new_log(Kafka::shared());
    let (leader, _) = listed(&log).await;
    let storage = SimStorage::new();
    let (mut setup, fatals) = setup(&storage);
    setup.config.snapshot_every = std::time::Duration::from_millis(50);
    let standby = StandBy::start(&log, &setup).expect("it follows");
    let mut told = acknowledged(&drive(&leader.engine().pipeline(512), 0..5_000));
    let (_, last, digest) = status(&leader).await;
    wait_for("the stand-by is as far", || standby.position().0 == last);
    assert_eq!(standby.position(), (last, digest), "leader = stand-by");
    let snapshots = SnapshotStore::new(setup.storage.clone(), &setup.log);
    wait_for("a snapshot", || !snapshots.list().expect("listed").is_empty());
    leader.stop();

    let led = tokio::task::spawn_blocking(move || standby.lead()).await.expect("no panic").expect("it takes over");
    let shard = Shard::lead(setup, std::sync::Arc::new(log.clone()), led).expect("it starts");
    told.extend(acknowledged(&drive(&shard.engine().pipeline(512), 5_000..8_000)));
    let (_, last, digest) = status(&shard).await;
    shard.stop();
    let all = entries(&log, last);
    assert_once(&all, &told);
    assert_eq!(refold(&all).digest(), digest, "replay = new leader");
    let found = verify(&log, &snapshots, fresh()).expect("the log is there");
    assert_eq!((&found.faults[..], found.machine.digest()), (&[][..], digest));
    assert!(!found.snapshots.is_empty(), "snapshots of the stand-by = replay");
    assert_eq!(fatals.told(), [] as [&str; 0]);
}
