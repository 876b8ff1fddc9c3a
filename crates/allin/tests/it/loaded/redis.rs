//! The whole exchange with its cache in a Redis that is emptied all the time, and then killed. Two nodes of each service do the same
//! under a smaller load (`processes/redis.rs`).

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::thread;

use allin_testing::middleware::Redis;
use serde_json::Value;

use super::flood::{Flood, Flooded, RATE_MIN};
use crate::crash::node::Place;
use crate::crash::poll;
use crate::processes::client::{Rest, Stream};
use crate::processes::redis::{DUPLICATE, EndsWith, Flushes, hear_until, listen_key, order};

/// Signed orders beside the load, each sent twice.
const SIGNED: usize = 60;

/// Flushes that took something away.
const FLUSHES_MIN: usize = 5;

/// Signed orders that are taken once each, whatever becomes of the cache; a listener hears of every one of them.
fn trade(rest: &mut Rest, stream: &mut Stream, name: &str) {
    let id = |n: usize| format!("{name}-{n}");
    for n in 0..SIGNED {
        let target = rest.sign("/api/v3/order", &order(&id(n)));
        let (status, body) = rest.send("POST", &target).expect("an answer");
        assert_eq!(status, 200, "{body}");
        let (status, again) = rest.send("POST", &target).expect("an answer");
        assert_eq!((status, &again["code"]), (400, &DUPLICATE.into()), "{again}");
    }
    let heard = hear_until(stream, &id(SIGNED - 1));
    assert!(heard.len() == SIGNED && heard.values().all(|times| *times == 1), "{heard:?}");
}

#[test]
fn a_redis_that_is_flushed_and_one_that_is_killed_change_no_answer_and_let_no_replay_in() {
    let redis = Redis::start(&[]);
    let settings = [
        "demo.enabled=true",
        "demo.history_hours=0",
        "demo.levels=1",
        "demo.step_ms=3600000",
        "spotapi.orders_10s_max=0",
        "spotapi.weight_1m_max=0",
        &format!("cache.spot_url={}", redis.url()),
    ];
    let mut place = Place::new();
    place.arguments = settings.iter().flat_map(|setting| ["--set", setting]).map(str::to_owned).collect();
    let node = place.start();
    let public: SocketAddr =
        place.run_file()["public"].as_str().and_then(|text| text.parse().ok()).expect("an address");
    let made =
        crate::allin(place.path(), &["demo-user", "--data", "data", "--fund", "USDT=1000000", "--format", "json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("a user");
    let field = |name: &str| made[name].as_str().expect("text").to_owned();
    let mut rest = Rest::new(public, &(field("api_key"), field("api_secret")));
    let (status, key) = listen_key(&mut rest);
    assert_eq!(status, 200);
    let open = || Stream::open(public, &format!("/ws/{key}")).and_then(Stream::served).ok();
    let mut stream = poll("a stream", open);

    let (flood, flushes) = (Flood::of(&node, 0), Flushes::default());
    let flushed = flood.through(|| {
        thread::scope(|scope| {
            let _end = EndsWith(&flushes);
            scope.spawn(|| flushes.run(&redis));
            trade(&mut rest, &mut stream, "flushed");
            // Each question for the key puts it back, for the next flush to take away.
            poll("flushes that took something away", || {
                assert_eq!(listen_key(&mut rest), (200, key.clone()), "the key that lives");
                (flushes.done.load(Ordering::Relaxed) >= FLUSHES_MIN).then_some(())
            });
        });
    });
    redis.kill();
    let killed = flood.through(|| trade(&mut rest, &mut stream, "killed"));
    let flushes = flushes.done.load(Ordering::Relaxed);
    println!("{flushed:.0} orders a second over {flushes} flushes, {killed:.0} without Redis");
    assert!(flushed >= RATE_MIN && killed >= RATE_MIN, "{flushed} {killed}");
    assert_eq!(listen_key(&mut rest).0, 503, "a key is neither given nor denied");
    redis.restart();
    let again = poll("a listen key", || Some(listen_key(&mut rest)).filter(|(status, _)| *status == 200));
    assert_eq!(again.1, key, "the key that lives");
    Flooded::check(&[flood.end()], &node);
    let orders = rest.good("/api/v3/openOrders", "symbol=BTCUSDT");
    assert_eq!(orders.as_array().map(Vec::len), Some(2 * SIGNED), "each once");
    node.stop();
    place.assert_verifies();
}
