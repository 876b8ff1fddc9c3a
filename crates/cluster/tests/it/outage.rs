//! Brokers that hang, die and come back: nothing is acknowledged meanwhile, nothing is lost, nothing is doubled.

use std::time::{Duration, Instant};

use allin_runtime::engine::{Engine, SubmitError};
use allin_testing::middleware::Kafka;

use super::load::OpenLoop;
use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_before_it_is_read_back_and_a_stalled_log_takes_cancels_only() {
    let kafka = Kafka::start();
    let log = new_log(&kafka);
    let (shard, fatals) = listed(&log).await;
    let engine = shard.engine();
    let before = engine.durable();

    kafka.signal("STOP");
    let waiting = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.submit(traffic(2)).await })
    };
    wait_for("the log is stalled", || engine.is_read_only());
    assert!(!waiting.is_finished(), "an answer before its record was read back");
    assert_eq!((engine.durable(), engine.applied().0), (before, before.0 + 1));
    assert_eq!(engine.submit(traffic(3)).await.unwrap_err(), SubmitError::ReadOnly, "new orders are refused");
    let cancelling = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.submit(cancel()).await })
    };
    wait_for("the cancel is taken", || engine.applied().0 == before.0 + 2);

    kafka.signal("CONT");
    let seqs = (waiting.await.expect("no panic"), cancelling.await.expect("no panic"));
    assert_eq!(
        (seqs.0.expect("acknowledged").seq.0, seqs.1.expect("acknowledged").seq.0),
        (before.0 + 1, before.0 + 2)
    );
    wait_for("new orders are taken again", || !engine.is_read_only());
    engine.submit(traffic(4)).await.expect("without a restart");
    let (_, last, digest) = status(&shard).await;
    shard.stop();
    assert_eq!(refold(&entries(&log, last)).digest(), digest);
    assert_eq!(fatals.told(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_under_load_loses_and_doubles_nothing() {
    let kafka = Kafka::start();
    let log = new_log(&kafka);
    let (shard, fatals) = listed(&log).await;
    let engine = shard.engine();
    let load = OpenLoop::start(engine.pipeline(8_192));
    let mut faulty = Duration::ZERO;
    for _ in 0..2 {
        load.wait_for_more(3_000);
        let begun = Instant::now();
        kafka.kill();
        wait_for("the log is stalled", || engine.is_read_only());
        kafka.restart();
        wait_for("new orders are taken again", || !engine.is_read_only());
        faulty += begun.elapsed();
    }
    load.wait_for_more(3_000);
    let offered = load.end();
    offered.assert_enough(faulty);
    let (_, last, digest) = status(&shard).await;
    shard.stop();
    let told = acknowledged(&offered.done);
    assert!(told.len() > 9_000, "{} acknowledged", told.len());
    let all = entries(&log, last);
    assert_once(&all, &told);
    assert_eq!(refold(&all).digest(), digest);
    assert_eq!(fatals.told(), [] as [&str; 0]);
}
