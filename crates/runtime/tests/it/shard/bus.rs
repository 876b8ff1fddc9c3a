//! Every subscriber gets every sequence once, in order, wherever it begins and however slow it is.

use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_runtime::engine::{BusError, Engine, EventBus};
use allin_runtime::shard::{Setup, Shard, ShardConfig};
use allin_runtime::storage::SimStorage;

use super::support::*;

/// A shard whose bus keeps little, so that replays are common.
fn forgetful(storage: SimStorage) -> Shard {
    let (setup, _) = setup(storage);
    let config = ShardConfig { bus_records_max: 64, batch_max: 16, ..setup.config };
    Shard::start(Setup { config, ..setup }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_may_begin_again_anywhere() {
    let shard = forgetful(SimStorage::new());
    list(&shard).await;
    let pipeline = shard.engine().pipeline(200);
    let (bus, last) = (shard.bus(), Seq(shard.engine().durable().0 + 12_000));
    let load = std::thread::spawn(move || drive(&pipeline, 1, 0..12_000).len());

    // While it runs: read a little, drop the subscription, begin again after what was got.
    let mut random = Random(99);
    let mut story = Story::new();
    let (mut lives, mut snapshots) = (0, 0);
    while story.last().is_none_or(|(seq, _, _)| *seq < last.0) {
        let next = story.last().map_or(1, |(seq, _, _)| seq + 1);
        let mut subscription = bus.subscribe("restless", Seq(next)).await.unwrap();
        lives += 1;
        for _ in 0..1 + random.below(3) {
            if story.last().is_some_and(|(seq, _, _)| *seq >= last.0) {
                break;
            }
            tell(&mut story, &subscription.next().await.unwrap());
            if random.below(4) == 0 {
                // Processing that ends in the middle of a batch.
                let keep = story.len() - random.below(3).min(story.len() as u64 - 1) as usize;
                if keep < story.len() {
                    story.truncate(keep);
                    break;
                }
            }
        }
        if lives == 8 {
            // Replays may begin from a snapshot from now on.
            shard.snapshot().await.unwrap();
            snapshots += 1;
        }
    }
    assert_eq!(load.join().unwrap(), 12_000);
    assert!(lives > 8 && snapshots == 1, "{lives} lives");

    let mut whole = bus.subscribe("whole", Seq(1)).await.unwrap();
    let whole = listen(&mut whole, last).await;
    assert_eq!(whole.len() as u64, last.0);
    assert!(whole.iter().zip(1..).all(|((seq, _, _), expected)| *seq == expected));
    assert!(whole == story, "the same events, however they were got");
    shard.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_loses_nothing_and_holds_up_nobody() {
    let shard = forgetful(SimStorage::new());
    list(&shard).await;
    let first = Seq(shard.engine().durable().0 + 1);
    let mut slow = shard.bus().subscribe("slow", first).await.unwrap();
    let mut fast = shard.bus().subscribe("fast", first).await.unwrap();
    let last = Seq(first.0 + 2_999);
    let fast = tokio::spawn(async move { listen(&mut fast, last).await });

    let pipeline = shard.engine().pipeline(200);
    let started = Instant::now();
    tokio::task::block_in_place(|| drive(&pipeline, 2, 0..3_000));
    assert!(started.elapsed() < Duration::from_secs(15), "the engine waited for a subscriber");
    // It has not read anything until now, and the bus keeps 64 records.
    let got = listen(&mut slow, last).await;
    assert!(got == fast.await.unwrap());
    // It is live again.
    shard.engine().submit(place()).await.unwrap();
    assert_eq!(listen(&mut slow, Seq(last.0 + 1)).await.len(), 1);
    shard.stop();
    assert!(matches!(slow.next().await, Err(BusError::Closed)));
}

#[tokio::test]
async fn after_a_restart_the_past_is_made_again() {
    let storage = SimStorage::new();
    let shard = forgetful(storage.clone());
    list(&shard).await;
    let mut before = shard.bus().subscribe("before", Seq(1)).await.unwrap();
    let told = listen(&mut before, shard.engine().durable()).await;
    shard.stop();
    let shard = forgetful(storage);
    let mut after = shard.bus().subscribe("after", Seq(1)).await.unwrap();
    let again = listen(&mut after, shard.engine().durable()).await;
    assert!(again.starts_with(&told) && again.len() == told.len() + 1, "the same, and the new epoch");
    shard.stop();
}

#[tokio::test]
async fn a_place_beyond_the_end_is_another_log_s() {
    let shard = forgetful(SimStorage::new());
    // Durable is told before the bus has it.
    let end = shard.engine().durable();
    let mut first = shard.bus().subscribe("first", Seq(1)).await.unwrap();
    listen(&mut first, end).await;
    assert!(shard.bus().subscribe("next", Seq(end.0 + 1)).await.is_ok());
    let error = shard.bus().subscribe("lost", Seq(end.0 + 2)).await.err().unwrap();
    assert!(matches!(&error, BusError::Log(why) if why.contains("lost")), "{error}");
    shard.stop();
}
