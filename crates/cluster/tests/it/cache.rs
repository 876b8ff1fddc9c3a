//! What every cache does, in the process and in Redis alike.

use std::sync::Arc;
use std::time::Duration;

use allin_cluster::redis::{CacheSection, RedisCache};
use allin_runtime::cache::{Cache, CacheError, MemoryCache};
use allin_testing::middleware::Redis;
use bytes::Bytes;
use tokio::time::timeout;

use super::support::PATIENCE;

const LONG: Duration = Duration::from_secs(3600);

/// A cache on the server that all tests share, with keys of a test's own.
pub fn shared(prefix: &str) -> RedisCache {
    let section = CacheSection { prefix: format!("{prefix}:"), timeout_ms: 5000, ..CacheSection::default() };
    RedisCache::new(&Redis::shared().url(), "cache.spot_url", &section).expect("a URL")
}

/// One of each kind.
fn kinds(test: &str) -> [(&'static str, Arc<dyn Cache>); 2] {
    [("memory", Arc::new(MemoryCache::new(100))), ("redis", Arc::new(shared(test)))]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_lives_as_long_as_it_was_given() {
    for (kind, cache) in kinds("lives") {
        let get = async |key: &str| cache.get(key).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
        let set = async |key: &str, value: &[u8], ttl| {
            let set = cache.set(key, Bytes::copy_from_slice(value), ttl).await;
            set.unwrap_or_else(|error| panic!("{kind}: {error}"));
        };
        assert_eq!(get("a").await, None, "{kind}");
        set("a", b"1", LONG).await;
        set("a", b"2", LONG).await;
        assert_eq!(get("a").await.as_deref(), Some(&b"2"[..]), "{kind}");
        set("a", b"3", Duration::ZERO).await;
        assert_eq!(get("a").await, None, "{kind}: its life has ended");
        set("eternal", b"", Duration::MAX.checked_div(1 << 20).expect("a time")).await;
        assert_eq!(get("eternal").await.as_deref(), Some(&b""[..]), "{kind}: an empty value is one");
        let large: Vec<u8> = (0..1 << 20).map(|n| (n * 31 % 256) as u8).collect();
        set("b\r\n\0 ü", &large, LONG).await;
        assert_eq!(get("b\r\n\0 ü").await.as_deref(), Some(&large[..]), "{kind}");
        set("c", b"short", Duration::from_millis(300)).await;
        assert!(get("c").await.is_some(), "{kind}");
        let gone = async {
            while get("c").await.is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("{kind}: it lives on"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_reach_those_who_listen_in_order() {
    for (kind, cache) in kinds("messages") {
        cache.publish("k", Bytes::from_static(b"nobody hears this")).await.expect("no error");
        let mut listeners = Vec::new();
        for key in ["k", "k", "other"] {
            listeners.push(cache.subscribe(key).await.unwrap_or_else(|error| panic!("{kind}: {error}")));
        }
        for n in 0..500_u32 {
            cache.publish("k", Bytes::copy_from_slice(&n.to_be_bytes())).await.expect("published");
        }
        cache.publish("other", Bytes::from_static(b"\0\r\n")).await.expect("published");
        let mut other = listeners.pop().expect("three");
        for listener in &mut listeners {
            for n in 0..500_u32 {
                let message = timeout(PATIENCE, listener.next()).await.expect("in time").expect("a message");
                assert_eq!(message[..], n.to_be_bytes(), "{kind}");
            }
        }
        let message = timeout(PATIENCE, other.next()).await.expect("in time").expect("a message");
        assert_eq!(message[..], *b"\0\r\n", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_listener_is_told_that_it_missed_something() {
    for (kind, cache) in kinds("slow") {
        let mut slow = cache.subscribe("k").await.expect("subscribed");
        let mut quick = cache.subscribe("k").await.expect("subscribed");
        let mut told = None;
        // It reads one of two thousand.
        for _ in 0..20 {
            for _ in 0..2000 {
                cache.publish("k", Bytes::from_static(b"x")).await.expect("published");
                timeout(PATIENCE, quick.next()).await.expect("in time").expect("this one keeps up");
            }
            if let Err(error) = timeout(PATIENCE, slow.next()).await.expect("in time") {
                told = Some(error);
                break;
            }
        }
        assert!(matches!(told, Some(CacheError::Behind(1..))), "{kind}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_share_a_server_under_prefixes_of_their_own() {
    let (one, two) = (shared("one"), shared("two"));
    one.set("k", Bytes::from_static(b"1"), LONG).await.expect("set");
    assert_eq!(two.get("k").await, Ok(None));
    let mut hears = two.subscribe("k").await.expect("subscribed");
    one.publish("k", Bytes::from_static(b"of one")).await.expect("published");
    two.publish("k", Bytes::from_static(b"of two")).await.expect("published");
    let message = timeout(PATIENCE, hears.next()).await.expect("in time").expect("a message");
    assert_eq!(message[..], *b"of two");
}
