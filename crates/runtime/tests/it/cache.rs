use std::time::Duration;

use allin_runtime::cache::{Cache, CacheError, MemoryCache};
use bytes::Bytes;

const LONG: Duration = Duration::from_secs(3600);

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn a_value_lives_as_long_as_it_was_given() {
    let cache = MemoryCache::new(10);
    assert_eq!(cache.get("a").await, Ok(None));
    cache.set("a", bytes("1"), LONG).await.unwrap();
    cache.set("b", bytes("2"), Duration::ZERO).await.unwrap();
    assert_eq!(cache.get("a").await, Ok(Some(bytes("1"))));
    assert_eq!(cache.get("b").await, Ok(None), "its life has ended");
    cache.set("a", bytes("3"), LONG).await.unwrap();
    assert_eq!(cache.get("a").await, Ok(Some(bytes("3"))));
}

#[tokio::test]
async fn the_bound_refuses_what_is_new_and_lets_the_dead_go_first() {
    let cache = MemoryCache::new(2);
    cache.set("a", bytes("1"), LONG).await.unwrap();
    cache.set("b", bytes("2"), Duration::ZERO).await.unwrap();
    cache.set("c", bytes("3"), LONG).await.unwrap();
    assert_eq!(cache.set("d", bytes("4"), LONG).await, Err(CacheError::Full(2)));
    cache.set("a", bytes("5"), LONG).await.expect("a known key takes no room");
}

#[tokio::test]
async fn messages_reach_those_who_listen_in_order() {
    let cache = MemoryCache::new(1);
    cache.publish("k", bytes("nobody hears this")).await.unwrap();
    let (mut one, mut two) = (cache.subscribe("k").await.unwrap(), cache.subscribe("k").await.unwrap());
    let mut other = cache.subscribe("other").await.unwrap();
    for text in ["1", "2"] {
        cache.publish("k", bytes(text)).await.unwrap();
    }
    cache.publish("other", bytes("3")).await.unwrap();
    for subscription in [&mut one, &mut two] {
        assert_eq!(subscription.next().await, Ok(bytes("1")));
        assert_eq!(subscription.next().await, Ok(bytes("2")));
    }
    assert_eq!(other.next().await, Ok(bytes("3")));
}

#[tokio::test]
async fn a_slow_listener_is_told_that_it_missed_something() {
    let cache = MemoryCache::new(1);
    let mut slow = cache.subscribe("k").await.unwrap();
    for _ in 0..5000 {
        cache.publish("k", bytes("x")).await.unwrap();
    }
    assert!(matches!(slow.next().await, Err(CacheError::Behind(_))));
}
