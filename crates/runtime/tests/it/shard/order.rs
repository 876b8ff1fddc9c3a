//! Sequences, times and answers come in order.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Epoch, Seq, Timestamp, UserId};
use allin_core::spot::command::Command;
use allin_core::spot::event::Event;
use allin_runtime::engine::{Answer, AnswerBody, Engine, EventBus, Query, SubmitError};
use allin_runtime::shard::{ManualClock, Setup, Shard};
use allin_runtime::storage::SimStorage;

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn each_sender_is_answered_in_its_order() {
    let storage = SimStorage::new();
    let shard = start(storage.clone());
    list(&shard).await;
    let first = shard.engine().applied().0 + 1;
    let senders: Vec<_> = (0..4)
        .map(|seed| {
            let pipeline = shard.engine().pipeline(100);
            std::thread::spawn(move || drive(&pipeline, seed, 0..3_000))
        })
        .collect();
    let mut seqs = Vec::new();
    for sender in senders {
        let done = sender.join().unwrap();
        let places: Vec<_> = done.iter().map(|c| (c.tag, c.outcome.as_ref().unwrap().seq().0)).collect();
        assert!(places.windows(2).all(|w| w[0].0 + 1 == w[1].0 && w[0].1 < w[1].1));
        seqs.extend(places.iter().map(|(_, seq)| *seq));
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (first..first + 12_000).collect::<Vec<_>>(), "dense, each once");
    shard.stop();
}

#[tokio::test]
async fn a_query_sees_all_that_was_sent_before_it() {
    let shard = start(SimStorage::new());
    list(&shard).await;
    let pipeline = shard.engine().pipeline(1000);
    for number in 0..500 {
        pipeline.submit(number, place()).unwrap();
    }
    let Answer { seq, body, .. } = shard
        .engine()
        .query(Query::OpenOrders { user: UserId(1), market: None, side: None, offset: 0, limit: 10 })
        .await
        .unwrap();
    assert_eq!(seq, shard.engine().applied());
    let AnswerBody::Orders { orders, total } = body else { panic!("{body:?}") };
    assert_eq!((orders.len(), total), (10, 500));
    shard.stop();
}

#[tokio::test]
async fn engine_time_never_goes_back() {
    let storage = SimStorage::new();
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let (setup, _) = setup(storage.clone());
    let shard = Shard::start(Setup { clock: clock.clone(), ..setup }).unwrap();
    list(&shard).await;
    let mut times = Vec::new();
    for at in [5_000, 2_000, 4_999, 5_001, 0] {
        clock.set(Timestamp(at));
        times.push(shard.engine().submit(place()).await.unwrap().at.0);
    }
    assert_eq!(times, [5_000, 5_000, 5_000, 5_001, 5_001]);
    shard.stop();

    // Nor over a restart with a clock that is behind the log.
    let (setup, _) = super::support::setup(storage);
    let shard = Shard::start(Setup { clock, ..setup }).unwrap();
    assert_eq!(shard.engine().submit(place()).await.unwrap().at.0, 5_001);
    shard.stop();
}

#[tokio::test]
async fn timers_tick_when_they_are_due_and_only_then() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let (setup, _) = setup(SimStorage::new());
    let shard = Shard::start(Setup { clock: clock.clone(), ..setup }).unwrap();
    list(&shard).await;
    shard.engine().submit(place()).await.unwrap();
    let countdown = Command::Countdown { user: UserId(1), market: MARKET, timeout_us: 10_000 };
    let armed = shard.engine().submit(countdown).await.unwrap().seq;
    let mut events = shard.bus().subscribe("test", Seq(armed.0 + 1)).await.unwrap();

    clock.set(Timestamp(10_999));
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(shard.engine().applied(), armed, "a tick before its time");
    clock.set(Timestamp(11_000));
    let story = listen(&mut events, Seq(armed.0 + 1)).await;
    assert_eq!(story[0].1, Command::Tick);
    assert!(story[0].2.iter().any(|event| matches!(event, Event::Closed(_))), "{story:?}");
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(shard.engine().applied().0, armed.0 + 1, "one tick");
    shard.stop();
}

#[tokio::test]
async fn each_start_is_an_epoch() {
    let storage = SimStorage::new();
    for epoch in 1..4 {
        let shard = start(storage.clone());
        assert_eq!(shard.epoch(), Epoch(epoch));
        let mut events = shard.bus().subscribe("test", Seq(1)).await.unwrap();
        let story = listen(&mut events, shard.engine().durable()).await;
        let starts = story.iter().filter(|(_, command, _)| matches!(command, Command::StartEpoch(_)));
        assert_eq!(starts.count() as u32, epoch);
        shard.engine().submit(place()).await.unwrap();
        shard.stop();
    }
}

#[tokio::test]
async fn the_engine_s_own_commands_and_broken_forms_are_refused() {
    let shard = start(SimStorage::new());
    let engine = shard.engine();
    let before = engine.applied();
    let long = match traffic_credit() {
        Command::Credit(mut funding) => {
            funding.detail = "x".repeat(4097).into();
            Command::Credit(funding)
        }
        other => other,
    };
    let limits = Command::SetLimits(Default::default());
    for command in [Command::Tick, limits, Command::StartEpoch(Epoch(9)), Command::PlaceBatch(vec![order(); 51]), long]
    {
        let refused = engine.submit(command).await.unwrap_err();
        assert!(matches!(refused, SubmitError::Malformed(_)), "{refused:?}");
    }
    assert_eq!(engine.applied(), before);
    shard.stop();
}

fn order() -> allin_core::spot::command::NewOrder {
    match place() {
        Command::Place(order) => order,
        other => panic!("{other:?}"),
    }
}

fn traffic_credit() -> Command {
    (0..).map(|number| traffic(1, number)).find(|command| matches!(command, Command::Credit(_))).unwrap()
}
