//! A server of Redis that is away, hangs, is emptied, full, or refuses.

use std::time::{Duration, Instant};

use allin_cluster::redis::{CacheSection, RedisCache};
use allin_runtime::cache::{Cache, CacheError, CacheSubscription};
use allin_testing::middleware::Redis;
use bytes::Bytes;
use tokio::time::timeout;

use super::support::PATIENCE;

const LONG: Duration = Duration::from_secs(3600);
/// Of an operation in these tests.
const DEADLINE: Duration = Duration::from_millis(400);
/// What is more than a busy machine can explain.
const LATE: Duration = Duration::from_secs(20);

fn connect(url: &str) -> RedisCache {
    let section = CacheSection { timeout_ms: DEADLINE.as_millis() as u64, ..CacheSection::default() };
    RedisCache::new(url, "cache.spot_url", &section).expect("a URL")
}

fn value() -> Bytes {
    Bytes::from_static(b"v")
}

/// Every operation fails in its time, and says which setting leads there.
async fn assert_away(cache: &RedisCache) {
    let begun = Instant::now();
    let failures = [
        cache.get("k").await.err(),
        cache.set("k", value(), LONG).await.err(),
        cache.set("k", value(), Duration::ZERO).await.err(),
        cache.publish("k", value()).await.err(),
        cache.subscribe("k").await.err(),
    ];
    for failure in &failures {
        let Some(CacheError::Unavailable(why)) = failure else { panic!("{failures:?}") };
        assert!(why.contains("cache.spot_url") && why.contains("redis://127."), "{why}");
    }
    assert!(begun.elapsed() < LATE, "{:?}", begun.elapsed());
}

async fn await_back(cache: &RedisCache) {
    let back = async {
        while cache.set("k", value(), LONG).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, back).await.expect("it connects by itself");
    assert_eq!(cache.get("k").await, Ok(Some(value())));
}

async fn assert_ends(subscription: &mut dyn CacheSubscription) {
    let ended = timeout(PATIENCE, subscription.next()).await.expect("it is noticed");
    assert!(matches!(&ended, Err(CacheError::Unavailable(why)) if why.contains("cache.spot_url")), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_an_error_until_it_is_back() {
    let server = Redis::start(&[]);
    let cache = connect(&server.url());
    for _ in 0..2 {
        cache.set("before", value(), LONG).await.expect("set");
        let mut subscription = cache.subscribe("k").await.expect("subscribed");
        server.kill();
        assert_away(&cache).await;
        assert_ends(&mut *subscription).await;
        server.restart();
        await_back(&cache).await;
        assert_eq!(cache.get("before").await, Ok(None), "it keeps nothing");
        let mut subscription = cache.subscribe("k").await.expect("subscribed");
        cache.publish("k", value()).await.expect("published");
        assert_eq!(timeout(PATIENCE, subscription.next()).await.expect("in time"), Ok(value()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_holds_nobody_longer_than_the_deadline() {
    let server = Redis::start(&[]);
    let cache = connect(&server.url());
    cache.set("k", value(), LONG).await.expect("set");
    let mut subscription = cache.subscribe("k").await.expect("subscribed");
    server.signal("STOP");
    assert_away(&cache).await;
    // Its connection stands, and nothing comes.
    assert_ends(&mut *subscription).await;
    server.signal("CONT");
    await_back(&cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_a_server_that_hangs_do_not_wait_for_each_other() {
    let server = Redis::start(&[]);
    let cache = std::sync::Arc::new(connect(&server.url()));
    server.signal("STOP");
    let begun = Instant::now();
    let asked: Vec<_> = (0..200)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get("k").await })
        })
        .collect();
    for answer in asked {
        assert!(matches!(answer.await.expect("no panic"), Err(CacheError::Unavailable(_))));
    }
    // One after another they would take eighty seconds.
    assert!(begun.elapsed() < LATE, "{:?}", begun.elapsed());
    server.signal("CONT");
    await_back(&cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_takes_the_values_and_leaves_the_listeners() {
    let server = Redis::start(&[]);
    let cache = connect(&server.url());
    cache.set("k", value(), LONG).await.expect("set");
    let mut subscription = cache.subscribe("k").await.expect("subscribed");
    assert!(server.run("FLUSHALL").starts_with("+OK"));
    assert_eq!(cache.get("k").await, Ok(None));
    cache.publish("k", value()).await.expect("published");
    assert_eq!(timeout(PATIENCE, subscription.next()).await.expect("in time"), Ok(value()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_subscription_stands() {
    let server = Redis::start(&["--timeout", "2"]);
    let cache = connect(&server.url());
    cache.set("k", value(), LONG).await.expect("set");
    let mut subscription = cache.subscribe("k").await.expect("subscribed");
    // Longer than it takes to ask whether the other end lives.
    assert!(timeout(Duration::from_secs(4), subscription.next()).await.is_err());
    cache.publish("k", value()).await.expect("connects again where the server ended an idle connection");
    assert_eq!(timeout(PATIENCE, subscription.next()).await.expect("in time"), Ok(value()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_doctor_is_told() {
    let server =
        Redis::start(&["--requirepass", "s3cr3t/of@tests", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let with = |user: &str| server.url().replace("redis://", &format!("redis://{user}@"));
    let right = with(":s3cr3t%2Fof%40tests");
    let look = connect(&right).look().await.expect("reachable");
    assert!(look.product.starts_with("Redis ") || look.product.starts_with("Valkey "), "{look:?}");
    assert!(look.is_supported && !look.keeps && look.refused.is_none(), "{look:?}");
    assert_eq!(look.evicts.as_deref(), Some("allkeys-lru"));

    let auth = "AUTH s3cr3t/of@tests\r\n";
    let told = server.run(&format!("{auth}CONFIG SET save \"60 1\" maxmemory-policy noeviction"));
    assert!(!told.contains('-'), "{told}");
    let acl = "ACL SETUSER weak on >pw ~allin:* &allin:* +@all -publish";
    assert!(!server.run(&format!("{auth}{acl}")).contains('-'));
    let look = connect(&with("weak:pw")).look().await.expect("reachable");
    assert!(look.keeps && look.evicts.is_none(), "{look:?}");
    assert!(look.refused.as_deref().is_some_and(|why| why.to_lowercase().contains("publish")), "{look:?}");

    for wrong in [":wrong", "nobody:pw"] {
        let error = connect(&with(wrong)).look().await.expect_err("refused").to_string();
        assert!(error.contains("cache.spot_url") && !error.contains(wrong), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_what_is_new_and_gives_what_it_has() {
    let server = Redis::start(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let cache = connect(&server.url());
    cache.set("k", value(), LONG).await.expect("set");
    let large = Bytes::from(vec![7; 256 << 10]);
    let mut refused = None;
    for n in 0..64 {
        refused = cache.set(&format!("large-{n}"), large.clone(), LONG).await.err();
        if refused.is_some() {
            break;
        }
    }
    let Some(CacheError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("OOM") && why.contains("cache.spot_url"), "{why}");
    assert_eq!(cache.get("k").await, Ok(Some(value())));
}
