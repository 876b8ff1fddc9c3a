//! Listen keys: user data by their name, until they end.

use std::time::Duration;

use allin_core::spot::command::{Command, Side};
use allin_runtime::cache::Cache;

use super::world::World;
use crate::listed::{ALICE, BOB, done, limit, listed};

const KEY: &str = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1";
const HOUR: Duration = Duration::from_secs(3600);

async fn give(world: &World, user: &str) {
    world.cache.set(&format!("spot:listenkey:{KEY}"), user.to_owned().into(), HOUR).await.expect("set");
}

#[tokio::test]
async fn user_data_by_listen_key_until_it_ends() {
    until_it_ends(World::new(listed()).await).await;
}

#[tokio::test]
async fn listen_keys_of_another_process() {
    until_it_ends(World::apart(listed()).await).await;
}

async fn until_it_ends(world: World) {
    give(&world, &ALICE.0.to_string()).await;
    let mut raw = world.client(&format!("/ws/{KEY}")).await;
    let mut combined = world.client(&format!("/stream?streams={KEY}/btcusdt@trade")).await;
    let mut later = world.client("/ws").await;
    let subscribe = format!(r#"{{"method":"SUBSCRIBE","params":["{KEY}"],"id":1}}"#);
    assert_eq!(later.answer(&subscribe).await, r#"{"result":null,"id":1}"#);
    // Those whose key is in the URL are served once they answer.
    for client in [&mut raw, &mut combined] {
        let list = client.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
        assert!(list.contains(KEY), "{list}");
    }
    done(&world.log, Command::Place(limit(BOB, Side::Sell, 1000, 100, "not yours")));
    done(&world.log, Command::Place(limit(ALICE, Side::Buy, 1000, 100, "mine")));
    let report = raw.json().await;
    assert_eq!((&report["e"], &report["c"], &report["x"]), (&"executionReport".into(), &"mine".into(), &"NEW".into()));
    assert_eq!(raw.json().await["x"], "TRADE");
    assert_eq!(raw.json().await["e"], "outboundAccountPosition");
    assert_eq!(later.json().await["c"], "mine");
    let wrapped = combined.until(|message| message["stream"] == KEY).await;
    assert_eq!(wrapped["data"]["c"], "mine");

    // The key ends; there is no other way to take it away from here than to give it to nobody.
    give(&world, "").await;
    let end = raw.json().await;
    assert_eq!((&end["e"], &end["listenKey"]), (&"listenKeyExpired".into(), &KEY.into()));
    assert_eq!(end["E"], world.log.now().millis());
    let end = combined.until(|message| message["data"]["e"] == "listenKeyExpired").await;
    assert_eq!(end["stream"], KEY);
    done(&world.log, Command::Place(limit(ALICE, Side::Buy, 900, 100, "unheard")));
    let quiet = raw.answer(r#"{"method":"GET_PROPERTY","params":["combined"],"id":2}"#).await;
    assert_eq!(quiet, r#"{"result":false,"id":2}"#);
    world.stop().await;
}

/// The cache may lose everything: then nobody knows whether the key lives, and its stream goes on.
#[tokio::test]
async fn what_a_cache_lost_ends_no_stream() {
    let world = World::new(listed()).await;
    give(&world, &ALICE.0.to_string()).await;
    let mut client = world.client(&format!("/ws/{KEY}")).await;
    client.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    let marks = ["begun", "done"].map(|mark| format!("spot:listenkeys:{mark}"));
    let mark = async |mark: &str, text: &'static str, life| {
        world.cache.set(mark, text.into(), life).await.expect("set");
    };
    let key = format!("spot:listenkey:{KEY}");
    // A flush, then one in the middle of showing the keys again: the first mark is gone, or of another time.
    for [begun, done] in [["", ""], ["", "new"], ["newest", "new"]] {
        for (at, text) in marks.iter().zip([begun, done]) {
            mark(at, text, if text.is_empty() { Duration::ZERO } else { HOUR }).await;
        }
        mark(&key, "", Duration::ZERO).await;
        for n in 0..20 {
            let id = format!("{begun}{done}{n}");
            done_order(&world, &id);
            let heard = |message: &serde_json::Value| {
                assert_ne!(message["e"], "listenKeyExpired", "{begun:?} {done:?}");
                message["c"] == id.as_str()
            };
            client.until(heard).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    // All keys are shown, and this one is not among them.
    for at in &marks {
        mark(at, "newest", HOUR).await;
    }
    client.until(|message| message["e"] == "listenKeyExpired").await;
    world.stop().await;
}

fn done_order(world: &World, id: &str) {
    done(&world.log, Command::Place(limit(ALICE, Side::Buy, 900, 100, id)));
}

#[tokio::test]
async fn what_is_no_key_tells_nothing() {
    let world = World::new(listed()).await;
    let mut client = world.client(&format!("/ws/{KEY}")).await;
    done(&world.log, Command::Place(limit(ALICE, Side::Buy, 1000, 100, "mine")));
    let list = client.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    assert_eq!(list, format!(r#"{{"result":["{KEY}"],"id":1}}"#));
    // It becomes one: who asks again is told.
    give(&world, &ALICE.0.to_string()).await;
    client.answer(&format!(r#"{{"method":"SUBSCRIBE","params":["{KEY}"],"id":1}}"#)).await;
    done(&world.log, Command::Place(limit(ALICE, Side::Buy, 900, 100, "again")));
    assert_eq!(client.json().await["c"], "again");
    world.stop().await;
}
