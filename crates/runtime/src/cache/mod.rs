//! Owns what services share for speed: values by key with an end of life, and messages by key to whoever listens now.
//! Never the only place of anything: a cache may be emptied at any time, and everything in it can be made again.
//! Known limits: [`MemoryCache`] is of one process; the cache of several is in `allin-cluster`, in Redis.

mod memory;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use memory::MemoryCache;

/// Why a cache did not do what it was asked. A caller goes on without it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CacheError {
    #[error("the cache is full: {0} values")]
    Full(usize),
    /// More messages came than the subscriber's queue holds; what it has is incomplete from here on.
    #[error("fell behind by {0} messages")]
    Behind(u64),
    #[error("the cache is away: {0}")]
    Unavailable(String),
}

#[async_trait]
pub trait Cache: Send + Sync + 'static {
    /// The value, unless its life has ended.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError>;

    /// Sets a value that lives for `ttl`.
    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError>;

    /// Tells those who listen to `key` at this moment; nobody is no error.
    async fn publish(&self, key: &str, message: Bytes) -> Result<(), CacheError>;

    /// Everything published to `key` from now on.
    async fn subscribe(&self, key: &str) -> Result<Box<dyn CacheSubscription>, CacheError>;
}

#[async_trait]
pub trait CacheSubscription: Send {
    /// The next message. After an error the subscription is over.
    async fn next(&mut self) -> Result<Bytes, CacheError>;
}
