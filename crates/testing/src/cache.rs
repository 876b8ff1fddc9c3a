//! A cache that is emptied, goes away or hangs when a test wants it to, at the very operation that it names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allin_runtime::cache::{Cache, CacheError, CacheSubscription, MemoryCache};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

const VALUES_MAX: usize = 100_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Well,
    /// Everything fails, and subscriptions end.
    Away,
    /// Nothing is answered.
    Hangs,
}

pub struct MoodyCache {
    values: Mutex<Arc<MemoryCache>>,
    /// A flush leaves the listeners alone.
    channels: MemoryCache,
    mood: watch::Sender<Mood>,
    done: AtomicU64,
    flush_at: AtomicU64,
}

impl Default for MoodyCache {
    fn default() -> MoodyCache {
        MoodyCache {
            values: Mutex::new(Arc::new(MemoryCache::new(VALUES_MAX))),
            channels: MemoryCache::new(0),
            mood: watch::Sender::new(Mood::Well),
            done: AtomicU64::new(0),
            flush_at: AtomicU64::new(u64::MAX),
        }
    }
}

impl MoodyCache {
    pub fn set_mood(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Loses every value.
    pub fn flush(&self) {
        *self.lock() = Arc::new(MemoryCache::new(VALUES_MAX));
    }

    /// Loses every value right before the operation of this number, counted from 0.
    pub fn flush_at(&self, operation: u64) {
        self.flush_at.store(operation, Ordering::Relaxed);
    }

    /// Whether the operation came at which it was to lose everything.
    pub fn is_flushed(&self) -> bool {
        self.done() > self.flush_at.load(Ordering::Relaxed)
    }

    /// Operations on values so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<MemoryCache>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn values(&self) -> Result<Arc<MemoryCache>, CacheError> {
        self.answers().await?;
        if self.done.fetch_add(1, Ordering::Relaxed) == self.flush_at.load(Ordering::Relaxed) {
            self.flush();
        }
        Ok(self.lock().clone())
    }

    async fn answers(&self) -> Result<(), CacheError> {
        answers(&mut self.mood.subscribe()).await
    }
}

fn away() -> CacheError {
    CacheError::Unavailable("in a bad mood".to_owned())
}

async fn answers(mood: &mut watch::Receiver<Mood>) -> Result<(), CacheError> {
    let mood = mood.wait_for(|mood| *mood != Mood::Hangs).await.map_err(|_| away())?;
    if *mood == Mood::Away { Err(away()) } else { Ok(()) }
}

#[async_trait]
impl Cache for MoodyCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        self.values().await?.get(key).await
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError> {
        self.values().await?.set(key, value, ttl).await
    }

    async fn publish(&self, key: &str, message: Bytes) -> Result<(), CacheError> {
        self.answers().await?;
        self.channels.publish(key, message).await
    }

    async fn subscribe(&self, key: &str) -> Result<Box<dyn CacheSubscription>, CacheError> {
        self.answers().await?;
        let inner = self.channels.subscribe(key).await?;
        Ok(Box::new(MoodySubscription { inner, mood: self.mood.subscribe() }))
    }
}

struct MoodySubscription {
    inner: Box<dyn CacheSubscription>,
    mood: watch::Receiver<Mood>,
}

#[async_trait]
impl CacheSubscription for MoodySubscription {
    async fn next(&mut self) -> Result<Bytes, CacheError> {
        answers(&mut self.mood).await?;
        tokio::select! {
            message = self.inner.next() => message,
            _ = self.mood.wait_for(|mood| *mood == Mood::Away) => Err(away()),
        }
    }
}
