//! The cache of one process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::{Cache, CacheError, CacheSubscription};

/// Messages that a subscriber may be behind before it is cut off.
const SUBSCRIBER_QUEUE_MAX: usize = 1024;

/// A bounded cache in memory.
pub struct MemoryCache {
    values_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    values: HashMap<Box<str>, (Bytes, Instant)>,
    channels: HashMap<Box<str>, broadcast::Sender<Bytes>>,
}

struct MemorySubscription(broadcast::Receiver<Bytes>);

impl MemoryCache {
    /// Takes at most `values_max` values; those past their life make room first.
    pub fn new(values_max: usize) -> MemoryCache {
        MemoryCache { values_max, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder panics")
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let now = Instant::now();
        let inner = self.lock();
        Ok(inner.values.get(key).filter(|(_, end)| now < *end).map(|(value, _)| value.clone()))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError> {
        let now = Instant::now();
        let entry = (value, now + ttl);
        let mut inner = self.lock();
        if let Some(known) = inner.values.get_mut(key) {
            *known = entry;
            return Ok(());
        }
        if inner.values.len() >= self.values_max {
            inner.values.retain(|_, (_, end)| now < *end);
        }
        if inner.values.len() >= self.values_max {
            return Err(CacheError::Full(self.values_max));
        }
        inner.values.insert(key.into(), entry);
        Ok(())
    }

    async fn publish(&self, key: &str, message: Bytes) -> Result<(), CacheError> {
        let mut inner = self.lock();
        if inner.channels.get(key).is_some_and(|channel| channel.send(message).is_err()) {
            inner.channels.remove(key);
        }
        Ok(())
    }

    async fn subscribe(&self, key: &str) -> Result<Box<dyn CacheSubscription>, CacheError> {
        let mut inner = self.lock();
        let channel = inner.channels.entry(key.into()).or_insert_with(|| broadcast::Sender::new(SUBSCRIBER_QUEUE_MAX));
        Ok(Box::new(MemorySubscription(channel.subscribe())))
    }
}

#[async_trait]
impl CacheSubscription for MemorySubscription {
    async fn next(&mut self) -> Result<Bytes, CacheError> {
        self.0.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(count) => CacheError::Behind(count),
            broadcast::error::RecvError::Closed => CacheError::Unavailable("closed".into()),
        })
    }
}
