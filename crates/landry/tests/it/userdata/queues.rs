//! Subscribers: their queues, their ends, and what they share.

use std::time::Duration;

use allin_core::spot::command::Side;
use allin_landry::spotapi::call::TimeUnit;
use allin_landry::userdata::{QUEUE_MAX, UserDataError};

use super::start;
use crate::listed::{ALICE, BOB, cancel, done, limit, listed};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn who_reads_too_slowly_is_cut_off_and_nobody_else() {
    let log = listed();
    let (data, running) = start(&log);
    let mut slow = data.subscribe(ALICE, TimeUnit::Milliseconds).await.expect("begins");
    let mut quick = data.subscribe(ALICE, TimeUnit::Milliseconds).await.expect("begins");
    let mut told = 0;
    // Placing and cancelling tell a report and a position each.
    for order in 1..=QUEUE_MAX as u64 / 2 {
        done(&log, allin_core::spot::command::Command::Place(limit(ALICE, Side::Buy, 1000, 1, "")));
        done(&log, cancel(ALICE, order));
        for _ in 0..4 {
            tokio::time::timeout(SOON, quick.next()).await.expect("in time").expect("goes on");
            told += 1;
        }
    }
    let mut got = 0;
    let end = loop {
        match tokio::time::timeout(SOON, slow.next()).await.expect("in time") {
            Ok(_) => got += 1,
            Err(end) => break end,
        }
    };
    assert_eq!((got, end), (QUEUE_MAX, UserDataError::Behind));
    assert!(told > QUEUE_MAX);
    running.stop().await.expect("stops");
    assert!(matches!(quick.next().await, Err(UserDataError::Unavailable(_))));
    let late = data.subscribe(ALICE, TimeUnit::Milliseconds).await;
    assert!(matches!(late, Err(UserDataError::Unavailable(_))));
}

#[tokio::test]
async fn each_is_told_his_own_in_his_own_unit_and_rendered_once() {
    let log = listed();
    let (data, running) = start(&log);
    let mut alice = data.subscribe(ALICE, TimeUnit::Milliseconds).await.expect("begins");
    let mut again = data.subscribe(ALICE, TimeUnit::Milliseconds).await.expect("begins");
    let mut micros = data.subscribe(ALICE, TimeUnit::Microseconds).await.expect("begins");
    let mut bob = data.subscribe(BOB, TimeUnit::Milliseconds).await.expect("begins");
    crate::listed::fund(&log, ALICE, 0, 1, "one");
    crate::listed::fund(&log, BOB, 0, 2, "two");
    let first = alice.next().await.expect("goes on");
    assert_eq!(first.as_ptr(), again.next().await.expect("goes on").as_ptr(), "one encoding");
    let text = |event: &bytes::Bytes| String::from_utf8(event.to_vec()).expect("text");
    let (first, micros) = (text(&first), text(&micros.next().await.expect("goes on")));
    assert!(first.contains("\"d\":\"1.00000000\""), "{first}");
    let time = |event: &str| serde_json::from_str::<serde_json::Value>(event).expect("JSON")["T"].as_u64();
    assert_eq!(time(&first).map(|millis| millis * 1000), time(&micros));
    let bobs = text(&bob.next().await.expect("goes on"));
    assert!(bobs.contains("\"d\":\"2.00000000\""), "{bobs}");
    assert_eq!((alice.user(), bob.user()), (ALICE, BOB));
    running.stop().await.expect("stops");
}
