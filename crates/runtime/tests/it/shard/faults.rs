//! Overload, a full disk, a failed sync.

use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_runtime::engine::{Engine, SubmitError};
use allin_runtime::oplog::{Options, recover};
use allin_runtime::shard::{Pipeline, Setup, Shard, ShardConfig};
use allin_runtime::storage::SimStorage;

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_overload_leaves_room_for_cancels() {
    let storage = GateStorage::default();
    let (setup, _) = setup(storage.clone());
    let tight = ShardConfig {
        inbox_max: 10,
        inbox_reserved_max: 5,
        batch_max: 4,
        commands_in_flight_max: 4,
        batches_in_flight_max: 1,
        ..setup.config.clone()
    };
    let shard = Shard::start(Setup { config: tight, ..setup }).unwrap();
    list(&shard).await;
    let pipeline = shard.engine().pipeline(1000);
    storage.gate.set(true);

    let placed = send_until_refused(&pipeline, place, SubmitError::Overloaded);
    assert!((10..=18).contains(&placed), "{placed} orders in a queue of 10");
    let canceled = send_until_refused(&pipeline, || cancel(1), SubmitError::Overloaded);
    assert!((5..=8).contains(&canceled), "{canceled} cancels in the room of 5");
    assert_eq!(pipeline.submit(0, place()), Err(SubmitError::Overloaded));

    storage.gate.set(false);
    let mut done = Vec::new();
    while done.len() < placed + canceled {
        assert!(pipeline.completed_within(Duration::from_secs(20), &mut done) > 0);
    }
    assert!(done.iter().all(|completed| completed.outcome.is_ok()), "what was accepted is done");
    assert_eq!(pipeline.submit(0, place()), Ok(()));
    shard.stop();
}

/// Sends until the first refusal, letting the engine take what it can; says how many were accepted.
fn send_until_refused(
    pipeline: &Pipeline,
    command: impl Fn() -> allin_core::spot::command::Command,
    refusal: SubmitError,
) -> usize {
    let mut accepted = 0;
    let mut refused_since = None;
    loop {
        match pipeline.submit(0, command()) {
            Ok(()) => {
                accepted += 1;
                refused_since = None;
            }
            Err(error) => {
                assert_eq!(error, refusal);
                let since = *refused_since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(100) {
                    return accepted;
                }
            }
        }
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_orders_takes_cancels_and_recovers() {
    let storage = SimStorage::new();
    let (setup, fatals) = setup(storage.clone());
    let log = Options { segment_bytes: 64 << 10, ..setup.log.clone() };
    let shard = Shard::start(Setup { log: log.clone(), ..setup }).unwrap();
    list(&shard).await;
    let engine = shard.engine();

    storage.set_free(Some(0));
    let mut taken = 0;
    let refused = loop {
        match engine.submit(place()).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 100_000, "the disk never filled up");
    };
    assert_eq!(refused, SubmitError::ReadOnly);
    assert!(taken > 100 && engine.is_read_only());
    for order in 1..=200 {
        engine.submit(cancel(order)).await.unwrap();
    }
    assert_eq!(engine.submit(place()).await.unwrap_err(), SubmitError::ReadOnly);

    storage.set_free(None);
    let until = Instant::now() + Duration::from_secs(10);
    while engine.is_read_only() {
        assert!(Instant::now() < until, "the engine never noticed that there is room again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let last = engine.submit(place()).await.unwrap().seq;
    shard.stop();
    assert!(storage.counts().faults > 0 && fatals.told().is_empty());
    let recovered = recover(std::sync::Arc::new(storage), &log, fresh).unwrap();
    assert_eq!(recovered.writer.last(), last);
}

/// Orders that were accepted before the disk was full, and are not sequenced yet, must not eat the room of the cancels.
#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_while_the_disk_fills_up_leave_room_for_cancels() {
    let storage = GateStorage::default();
    let (setup, fatals) = setup(storage.clone());
    let log = Options { segment_bytes: 64 << 10, ..setup.log.clone() };
    let config = ShardConfig { commands_in_flight_max: 64, batch_max: 64, ..setup.config.clone() };
    let shard = Shard::start(Setup { log, config, ..setup }).unwrap();
    list(&shard).await;
    storage.disk.set_free(Some(0));
    storage.gate.set(true);
    let pipeline = shard.engine().pipeline(10_000);
    (0..5_000).for_each(|number| pipeline.submit(number, place()).unwrap());
    storage.gate.set(false);
    let mut done = Vec::new();
    while done.len() < 5_000 {
        assert!(pipeline.completed_within(Duration::from_secs(20), &mut done) > 0);
    }
    let refused = done.iter().filter(|completed| matches!(completed.outcome, Err(SubmitError::ReadOnly))).count();
    assert!((1..4_990).contains(&refused), "{refused} of 5000 orders refused");
    for order in 1..=200 {
        shard.engine().submit(cancel(order)).await.unwrap();
    }
    shard.stop();
    assert!(fatals.told().is_empty());
}

/// Not even cancels fit any more: they are refused one by one, and nothing breaks.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_full_to_the_last_byte_breaks_nothing() {
    let storage = SimStorage::new();
    let (setup, fatals) = setup(storage.clone());
    let log = Options { segment_bytes: 16 << 10, ..setup.log.clone() };
    let shard = Shard::start(Setup { log: log.clone(), ..setup }).unwrap();
    list(&shard).await;
    storage.set_free(Some(0));
    let engine = shard.engine();
    let pipeline = engine.pipeline(10_000);
    let mut done = Vec::new();
    for number in 0..2_000 {
        if pipeline.submit(number, cancel(number)).is_err() {
            pipeline.refuse(number, SubmitError::ReadOnly);
        }
    }
    while done.len() < 2_000 {
        assert!(pipeline.completed_within(Duration::from_secs(20), &mut done) > 0);
    }
    let taken = done.iter().filter(|completed| completed.outcome.is_ok()).count();
    assert!((20..2_000).contains(&taken), "{taken} of 2000 cancels found room");
    assert!(done.iter().all(|completed| matches!(completed.outcome, Ok(_) | Err(SubmitError::ReadOnly))));
    storage.set_free(None);
    let until = Instant::now() + Duration::from_secs(10);
    let last = loop {
        match engine.submit(place()).await {
            Ok(reply) => break reply.seq,
            Err(error) => assert_eq!(error, SubmitError::ReadOnly),
        }
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    shard.stop();
    assert!(fatals.told().is_empty(), "{:?}", fatals.told());
    let recovered = recover(std::sync::Arc::new(storage), &log, fresh).unwrap();
    assert_eq!(recovered.writer.last(), last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_or_write_ends_the_shard_once_and_acknowledges_nothing_more() {
    for (number, fails_at_write) in [(0, false), (3, false), (0, true), (3, true)] {
        let storage = SimStorage::new();
        let (setup, fatals) = setup(storage.clone());
        // No marks in between, so that the count of syncs is that of batches.
        let config = ShardConfig { mark_after: Duration::from_secs(3600), ..setup.config.clone() };
        let shard = Shard::start(Setup { config, ..setup }).unwrap();
        list(&shard).await;
        let engine = shard.engine();
        match fails_at_write {
            true => storage.fail_write_after(number),
            false => storage.fail_sync_after(number),
        }
        let mut good = 0;
        let error = loop {
            match engine.submit(place()).await {
                Ok(_) => good += 1,
                Err(error) => break error,
            }
            assert!(good <= number, "the fault went unnoticed");
        };
        assert_eq!((error, good), (SubmitError::Unknown, number));
        assert_eq!(storage.counts().faults, 1, "the fault fired");
        let told = fatals.wait();
        assert!(told.contains(if fails_at_write { "write" } else { "sync" }), "{told}");
        // Later syncs would succeed; nobody tries.
        let syncs = storage.counts().syncs;
        for _ in 0..20 {
            assert_eq!(engine.submit(place()).await.unwrap_err(), SubmitError::Stopping);
        }
        let durable = engine.durable();
        shard.stop();
        assert_eq!(fatals.told().len(), 1, "told once");
        assert_eq!(storage.counts().syncs, syncs, "no sync after a failed one");

        storage.kill();
        let shard = start(storage);
        assert!(shard.engine().durable() > durable && shard.engine().durable() <= Seq(durable.0 + 2));
        shard.engine().submit(place()).await.unwrap();
        shard.stop();
    }
}
