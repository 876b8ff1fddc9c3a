//! The shared cache in a Redis that is emptied all the time, killed, and stopped, under a load of signed orders.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use allin_testing::middleware::Redis;
use serde_json::Value;

use crate::crash::poll;

use super::client::{Rest, Stream};
use super::cluster::Cluster;

const SPOTAPI: [&str; 2] = ["landry-spotapi-web", "landry-spotapi-web-1"];
/// Of one account in a day, by both nodes together.
const ORDERS_MAX: usize = 300;
/// What two nodes may take beyond it before they have heard of each other.
const BEYOND: usize = 60;
const LOAD: usize = 100;
/// "Duplicate order sent."
pub const DUPLICATE: i64 = -2010;

pub fn order(id: &str) -> String {
    format!("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=20000&newClientOrderId={id}")
}

/// Empties a server again and again.
#[derive(Default)]
pub struct Flushes {
    ends: AtomicBool,
    /// Those that took something away.
    pub done: AtomicUsize,
}

impl Flushes {
    pub fn run(&self, redis: &Redis) {
        while !self.ends.load(Ordering::Relaxed) {
            let had = redis.run("DBSIZE").trim() != ":0";
            assert!(redis.run("FLUSHALL").starts_with("+OK"));
            self.done.fetch_add(usize::from(had), Ordering::Relaxed);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Ends the flushes also when the test fails.
pub struct EndsWith<'a>(pub &'a Flushes);

impl Drop for EndsWith<'_> {
    fn drop(&mut self) {
        self.0.ends.store(true, Ordering::Relaxed);
    }
}

struct World {
    redis: Redis,
    cluster: Cluster,
}

impl World {
    fn new() -> World {
        let redis = Redis::start(&[]);
        let settings = [
            "instances.landry-spotapi-web=2".to_owned(),
            "instances.landry-spotws-web=2".to_owned(),
            // The maker's orders count too: it places few, and once.
            "demo.history_hours=0".to_owned(),
            "demo.levels=1".to_owned(),
            "demo.step_ms=3600000".to_owned(),
            "spotapi.weight_1m_max=0".to_owned(),
            "spotapi.orders_10s_max=0".to_owned(),
            format!("spotapi.orders_1d_max={ORDERS_MAX}"),
            format!("cache.spot_url={}", redis.url()),
        ];
        let flags: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let cluster = Cluster::start(&flags);
        World { redis, cluster }
    }

    /// A user's ways to both nodes.
    fn doors(&self, user: &(String, String)) -> [Rest; 2] {
        SPOTAPI.map(|name| {
            let address = self.cluster.process(name).addresses[0].parse().expect("an address");
            Rest::new(address, user)
        })
    }

    fn stream(&self, key: &str) -> Stream {
        poll("a stream", || Stream::open(self.cluster.public(0), &format!("/ws/{key}")).and_then(Stream::served).ok())
    }
}

pub fn listen_key(rest: &mut Rest) -> (u16, String) {
    let (status, body) = rest.send("POST", "/api/v3/userDataStream").expect("an answer");
    (status, body["listenKey"].as_str().unwrap_or_default().to_owned())
}

/// Reads a user's stream until the order of this client id is told: all new orders, and how often each.
pub fn hear_until(stream: &mut Stream, last: &str) -> BTreeMap<String, usize> {
    let mut heard = BTreeMap::new();
    loop {
        let message: Value = stream.next().expect("goes on");
        assert_ne!(message["e"], "listenKeyExpired", "{message}");
        if message["e"] == "executionReport" && message["x"] == "NEW" {
            let id = message["c"].as_str().expect("an id").to_owned();
            *heard.entry(id.clone()).or_default() += 1;
            if id == last {
                return heard;
            }
        }
    }
}

#[test]
fn a_redis_that_is_flushed_all_the_time_changes_no_answer_and_lets_no_replay_in() {
    let world = World::new();
    let user = world.cluster.user("USDT=1000000");
    let mut doors = world.doors(&user);
    let (status, key) = listen_key(&mut doors[0]);
    assert_eq!(status, 200);
    let mut stream = world.stream(&key);
    let flushes = Flushes::default();
    thread::scope(|scope| {
        let end = EndsWith(&flushes);
        scope.spawn(|| flushes.run(&world.redis));
        let hearing = scope.spawn(move || (hear_until(&mut stream, &format!("load-{}", LOAD - 1)), stream));
        let mut placed: Vec<String> = Vec::new();
        for n in 0..LOAD {
            let target = doors[n % 2].sign("/api/v3/order", &order(&format!("load-{n}")));
            let (status, body) = doors[n % 2].send("POST", &target).expect("an answer");
            assert_eq!(status, 200, "{body}");
            // At once, at the other node.
            let (status, again) = doors[(n + 1) % 2].send("POST", &target).expect("an answer");
            assert_eq!((status, &again["code"]), (400, &DUPLICATE.into()), "{again}");
            let (status, known) = doors[n % 2].send("POST", "/api/v3/userDataStream").expect("an answer");
            assert_eq!((status, &known["listenKey"]), (200, &key.clone().into()), "the key that lives");
            placed.push(target);
        }
        let (heard, mut stream) = hearing.join().expect("heard all");
        assert!(heard.len() == LOAD && heard.values().all(|times| *times == 1), "{heard:?}");
        // And much later.
        for target in placed.iter().rev().take(LOAD / 4) {
            let (status, again) = doors[0].send("POST", target).expect("an answer");
            // Or it is too old by now.
            let code = again["code"].as_i64();
            assert!(status == 400 && [Some(DUPLICATE), Some(-1021)].contains(&code), "{status} {again}");
        }
        let open = doors[1].good("/api/v3/openOrders", "symbol=BTCUSDT");
        assert_eq!(open.as_array().map(Vec::len), Some(LOAD), "each once");
        share_a_limit(&world, placed.len());
        assert!(flushes.done.load(Ordering::Relaxed) > 20, "{:?}", flushes.done);
        drop(end);
        // A key that ends is told as ended, once the cache can be believed again.
        let (status, body) =
            doors[1].send("DELETE", &format!("/api/v3/userDataStream?listenKey={key}")).expect("an answer");
        assert_eq!(status, 200, "{body}");
        while stream.next().expect("goes on")["e"] != "listenKeyExpired" {}
    });
    world.cluster.command(&["stop", "--data", "data"]);
    world.cluster.assert_verifies();
}

/// Another account's orders, through both nodes in turn, until both refuse.
fn share_a_limit(world: &World, at_least: usize) {
    assert!(at_least * 2 < ORDERS_MAX, "the first account has room");
    let other = world.cluster.user("USDT=1000000");
    let mut doors = world.doors(&other);
    let (mut taken, mut refused) = ([0, 0], [false; 2]);
    for n in 0.. {
        let node = n % 2;
        // There is a bound on open orders too: these do not rest.
        let order = order(&format!("limit-{n}")).replace("GTC", "IOC");
        let (status, body) = doors[node].signed("POST", "/api/v3/order", &order).expect("an answer");
        match status {
            200 => taken[node] += 1,
            429 => refused[node] = body["code"] == -1015,
            status => panic!("{status} {body}"),
        }
        if refused == [true; 2] {
            break;
        }
    }
    let all: usize = taken.iter().sum();
    assert!((ORDERS_MAX..=ORDERS_MAX + BEYOND).contains(&all), "{taken:?}");
}

#[test]
fn trading_goes_on_without_redis() {
    let world = World::new();
    let user = world.cluster.user("USDT=1000000");
    let mut doors = world.doors(&user);
    let (_, key) = listen_key(&mut doors[0]);
    let mut stream = world.stream(&key);
    let mut number = 0;
    for fault in ["KILL", "STOP"] {
        match fault {
            "KILL" => world.redis.kill(),
            signal => world.redis.signal(signal),
        }
        let mut last = String::new();
        for _ in 0..40 {
            number += 1;
            last = format!("without-{number}");
            let (status, body) = doors[number % 2].signed("POST", "/api/v3/order", &order(&last)).expect("an answer");
            assert_eq!(status, 200, "{fault}: {body}");
        }
        // Whoever listened goes on; a key is neither given nor denied.
        assert_eq!(hear_until(&mut stream, &last).len(), 40, "{fault}");
        assert_eq!(listen_key(&mut doors[0]).0, 503, "{fault}");
        match fault {
            "KILL" => world.redis.restart(),
            _ => world.redis.signal("CONT"),
        }
        let again = poll("a listen key", || Some(listen_key(&mut doors[1])).filter(|(status, _)| *status == 200));
        assert_eq!(again.1, key, "{fault}: the key that lives");
        // The other instance of spotws too, which never heard of it.
        let open = || Stream::open(world.cluster.public(0), &format!("/ws/{key}")).and_then(Stream::served);
        let mut streams = [0, 1].map(|_| poll("a stream", || open().ok()));
        number += 1;
        let id = format!("without-{number}");
        doors[0].signed("POST", "/api/v3/order", &order(&id)).expect("an answer");
        for stream in &mut streams {
            assert_eq!(hear_until(stream, &id).len(), 1, "{fault}");
        }
        hear_until(&mut stream, &id);
    }
    let open = doors[1].good("/api/v3/openOrders", "symbol=BTCUSDT");
    assert_eq!(open.as_array().map(Vec::len), Some(number), "each once");
    for name in SPOTAPI {
        let path = world.cluster.data().join("logs").join(format!("{name}.log"));
        for word in ["limits are counted by this node alone", "limits are shared again"] {
            // A node goes back to the others when it looks for them the next time.
            poll(&format!("{name} says: {word}"), || {
                std::fs::read_to_string(&path).expect("its log").contains(word).then_some(())
            });
        }
    }
    world.cluster.command(&["stop", "--data", "data"]);
    world.cluster.assert_verifies();
}
