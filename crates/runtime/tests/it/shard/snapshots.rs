//! Snapshots while running, and what a start makes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::Spot;
use allin_core::spot::command::Command;
use allin_core::spot::event::Events;
use allin_runtime::engine::{AnswerBody, Engine, Query};
use allin_runtime::oplog::{Machine, SnapshotStore, recover};
use allin_runtime::shard::{Setup, Shard, ShardConfig, StateMachine};
use allin_runtime::storage::SimStorage;

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_under_load_is_the_live_state() {
    let storage = SimStorage::new();
    let shard = start(storage.clone());
    list(&shard).await;
    let pipeline = shard.engine().pipeline(500);
    let enough = Arc::new(AtomicBool::new(false));
    let until = enough.clone();
    let load = std::thread::spawn(move || {
        let mut number = 0;
        while !until.load(Ordering::Relaxed) {
            drive(&pipeline, 3, number..number + 1_000);
            number += 1_000;
            // On a busy machine the replica may get less time than the engine, and would run after it for long.
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let mut metas = Vec::new();
    for _ in 0..5 {
        let meta = shard.snapshot().await.unwrap();
        metas.push(meta);
        // The load goes on meanwhile.
        while shard.engine().durable() <= meta.seq {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    enough.store(true, Ordering::Relaxed);
    load.join().unwrap();
    metas.push(shard.snapshot().await.unwrap());
    for meta in &metas {
        let spot = refold(&storage, meta.seq);
        assert_eq!((spot.digest(), spot.state_hash()), (meta.digest, meta.state_hash), "at {}", meta.seq.0);
    }
    let AnswerBody::Status { digest, .. } = shard.engine().query(Query::Status).await.unwrap().body else { panic!() };
    assert_eq!(digest, metas.last().unwrap().digest);
    metas.dedup_by_key(|meta| meta.seq);
    let kept: Vec<_> = metas.iter().rev().take(3).rev().map(|meta| meta.seq).collect();
    let store = SnapshotStore::new(Arc::new(storage.clone()), &options());
    assert_eq!(store.list().unwrap(), kept, "older ones are removed");
    shard.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshot_and_tail_give_the_state_of_the_whole_log() {
    let storage = SimStorage::new();
    let shard = start(storage.clone());
    list(&shard).await;
    let pipeline = shard.engine().pipeline(500);
    tokio::task::block_in_place(|| drive(&pipeline, 4, 0..3_000));
    let meta = shard.snapshot().await.unwrap();
    tokio::task::block_in_place(|| drive(&pipeline, 5, 0..3_000));
    let AnswerBody::Status { digest, .. } = shard.engine().query(Query::Status).await.unwrap().body else { panic!() };
    shard.stop();

    let recovered = recover(Arc::new(storage.clone()), &options(), fresh).unwrap();
    let last = recovered.machine.seq();
    assert_eq!(recovered.replayed, last.0 - meta.seq.0, "the snapshot was used");
    let whole = refold(&storage, last);
    assert_eq!((recovered.machine.digest(), whole.digest()), (digest, digest));
    assert_eq!(recovered.machine.state_hash(), whole.state_hash());
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_come_by_themselves_and_at_the_stop() {
    let storage = SimStorage::new();
    let (setup, fatals) = setup(storage.clone());
    let config = ShardConfig { snapshot_commands: 1_000, snapshot_on_stop: true, ..setup.config.clone() };
    let shard = Shard::start(Setup { config, ..setup }).unwrap();
    list(&shard).await;
    let pipeline = shard.engine().pipeline(500);
    tokio::task::block_in_place(|| drive(&pipeline, 6, 0..3_000));
    let store = SnapshotStore::new(Arc::new(storage.clone()), &options());
    while store.list().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::task::block_in_place(|| drive(&pipeline, 7, 0..10));
    let last = shard.engine().durable();
    tokio::task::spawn_blocking(move || shard.stop()).await.unwrap();
    assert_eq!(store.list().unwrap().last(), Some(&last));
    assert!(fatals.told().is_empty());
}

/// A machine that remembers one thing wrong when it is the second of its kind.
struct Skewed(Spot, u64);

impl Machine for Skewed {
    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command, out: &mut Events) {
        self.0.apply(seq, at, command, out);
    }
    fn restore(bytes: &[u8]) -> Result<Self, String> {
        Spot::restore(bytes).map(|spot| Skewed(spot, 0)).map_err(|e| e.to_string())
    }
    fn snapshot(&self, sink: &mut dyn FnMut(&[u8])) {
        self.0.snapshot(sink);
    }
    fn seq(&self) -> Seq {
        self.0.seq()
    }
    fn time(&self) -> Timestamp {
        self.0.time()
    }
    fn epoch(&self) -> Epoch {
        self.0.epoch()
    }
    fn digest(&self) -> u64 {
        self.0.digest() ^ if self.0.seq().0 >= 500 { self.1 } else { 0 }
    }
    fn state_hash(&self) -> u64 {
        self.0.state_hash()
    }
}

impl StateMachine for Skewed {
    fn next_deadline(&self) -> Option<Timestamp> {
        self.0.next_deadline()
    }
    fn answer(&self, query: &Query) -> AnswerBody {
        self.0.answer(query)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_differs_stops_the_engine() {
    let (setup, fatals) = setup(SimStorage::new());
    let made = AtomicU32::new(0);
    let skewed = Setup {
        storage: setup.storage,
        log: setup.log,
        fresh: Arc::new(move || Skewed(fresh(), u64::from(made.fetch_add(1, Ordering::Relaxed)))),
        clock: setup.clock,
        config: setup.config,
        on_fatal: setup.on_fatal,
        stays: setup.stays,
    };
    let shard = Shard::start(skewed).unwrap();
    list(&shard).await;
    let pipeline = shard.engine().pipeline(100);
    tokio::task::block_in_place(|| drive(&pipeline, 8, 0..2_000));
    let told = fatals.wait();
    assert!(told.contains("digest") && told.contains("sequence 512"), "{told}");
    shard.stop();
}
