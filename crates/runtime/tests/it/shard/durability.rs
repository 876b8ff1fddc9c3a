//! Log before answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use allin_core::ids::Seq;
use allin_core::spot::command::Command;
use allin_runtime::engine::{AnswerBody, Engine, EventBus, Query, SubmitError};
use allin_runtime::oplog::{LogError, recover};
use allin_runtime::shard::{Completed, Shard};
use tokio::time::timeout;

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_before_it_is_durable() {
    let storage = GateStorage::default();
    let shard = start(storage.clone());
    list(&shard).await;
    let engine = shard.engine();
    let before = engine.durable();
    let mut events = shard.bus().subscribe("test", Seq(before.0 + 1)).await.unwrap();

    storage.gate.set(true);
    let spawn_submit = || {
        let engine = shard.engine();
        tokio::spawn(async move { engine.submit(place()).await })
    };
    let first = spawn_submit();
    storage.gate.wait_for_sync();
    while engine.applied() == before {
        tokio::task::yield_now().await;
    }
    // The next batch is applied while the first is on its way to the disk.
    let second = spawn_submit();
    let status = {
        let engine = shard.engine();
        tokio::spawn(async move { engine.query(Query::Status).await })
    };
    while engine.applied().0 < before.0 + 2 {
        tokio::task::yield_now().await;
    }
    assert!(timeout(Duration::from_millis(100), events.next()).await.is_err(), "an event before its sync");
    assert!(!first.is_finished() && !second.is_finished() && !status.is_finished(), "an answer before its sync");
    assert_eq!((engine.durable(), engine.applied().0), (before, before.0 + 2));

    storage.gate.set(false);
    assert_eq!(first.await.unwrap().unwrap().seq.0, before.0 + 1);
    assert_eq!(second.await.unwrap().unwrap().seq.0, before.0 + 2);
    let answer = status.await.unwrap().unwrap();
    assert!(matches!(answer.body, AnswerBody::Status { durable, .. } if durable == answer.seq));
    assert_eq!(listen(&mut events, Seq(before.0 + 2)).await.len(), 2);
    shard.stop();
}

/// What a life of a shard promised, and what it refused, up to the power failure.
struct Life {
    acknowledged: Vec<(u64, Command)>,
    refused: Vec<Command>,
}

/// Runs traffic until the power fails in the middle of it.
async fn live_and_die(storage: &GateStorage, seed: u64, lies: bool) -> Life {
    let (setup, fatals) = setup(storage.clone());
    let shard = Shard::start(setup).unwrap();
    if lies {
        storage.gate.lies.store(true, Ordering::Release);
    }
    let engine = shard.engine();
    let pipeline = engine.pipeline(256);
    let driver = std::thread::spawn(move || drive(&pipeline, seed, 0..5_000));
    let wanted = Seq(engine.applied().0 + 500 + seed % 1500);
    while engine.durable() < wanted {
        std::thread::yield_now();
    }
    storage.disk.crash(seed);
    let done: Vec<Completed> = driver.join().unwrap();
    fatals.wait();
    shard.stop();
    assert_eq!(fatals.told().len(), 1, "told once");
    let mut life = Life { acknowledged: Vec::new(), refused: Vec::new() };
    for completed in done {
        match completed.outcome {
            Ok(place) => life.acknowledged.push((place.seq().0, place.record().command.clone())),
            Err(SubmitError::Unknown) => {}
            Err(_) => life.refused.push(traffic(seed, completed.tag)),
        }
    }
    life
}

/// Acknowledged commands that the log does not have, and refused ones that it has.
fn broken_promises(storage: &GateStorage, life: &Life) -> (usize, usize) {
    storage.gate.lies.store(false, Ordering::Release);
    let last = match recover(Arc::new(storage.disk.clone()), &options(), fresh) {
        Ok(recovered) => recovered.writer.last(),
        // Holes in what was acknowledged: the start is refused.
        Err(LogError::Damaged { .. }) => return (life.acknowledged.len(), 0),
        Err(error) => panic!("{error}"),
    };
    let log = entries(&storage.disk, last);
    let lost = life.acknowledged.iter().filter(|(seq, command)| log.get(seq).map(|e| &e.command) != Some(command));
    let named = |command: &Command| matches!(command, Command::Place(_) | Command::Credit(_));
    let ghosts = life.refused.iter().filter(|command| named(command) && log.values().any(|e| e.command == **command));
    (lost.count(), ghosts.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_power_loss() {
    for seed in 1..=12 {
        let storage = GateStorage::default();
        let shard = start(storage.clone());
        list(&shard).await;
        shard.stop();
        let life = live_and_die(&storage, seed, false).await;
        assert!(life.acknowledged.len() > 400, "seed {seed}: only {} acknowledged", life.acknowledged.len());
        assert_eq!(broken_promises(&storage, &life), (0, 0), "seed {seed}");
    }
}

/// The check above sees a log that is told durable too early: here the disk itself lies.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_lies_is_caught() {
    let mut lost = 0;
    for seed in 1..=6 {
        let storage = GateStorage::default();
        let shard = start(storage.clone());
        list(&shard).await;
        shard.stop();
        let life = live_and_die(&storage, seed, true).await;
        lost += broken_promises(&storage, &life).0;
    }
    assert!(lost > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_leaves_nothing_torn() {
    let storage = GateStorage::default();
    let shard = start(storage.clone());
    list(&shard).await;
    let pipeline = shard.engine().pipeline(4096);
    for number in 0..2_000 {
        pipeline.submit(number, traffic(1, number)).unwrap();
    }
    let epoch = shard.epoch();
    tokio::task::spawn_blocking(move || shard.stop()).await.unwrap();
    let mut done = Vec::new();
    pipeline.completed_now(&mut done);
    assert_eq!(done.len(), 2_000, "what was accepted is finished");
    assert!(done.iter().all(|completed| completed.outcome.is_ok()));
    assert_eq!(pipeline.submit(0, place()), Err(SubmitError::Stopping));

    // Nothing is left to the cache, and reading back changes nothing.
    let segment = "oplog/00000000000000000001.log";
    let before = storage.disk.bytes(segment).unwrap();
    storage.disk.crash(7);
    assert_eq!(storage.disk.bytes(segment).unwrap(), before);
    let recovered = recover(Arc::new(storage.disk.clone()), &options(), fresh).unwrap();
    assert_eq!(recovered.epoch, epoch);
    let last = done.last().unwrap().outcome.as_ref().unwrap().seq();
    assert_eq!(recovered.writer.last(), last);
    assert_eq!(storage.disk.bytes(segment).unwrap(), before);
}
