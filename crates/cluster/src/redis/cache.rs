//! The cache's operations, as commands of Redis.

use std::time::Duration;

use allin_runtime::cache::{Cache, CacheError, CacheSubscription};
use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, FromRedisValue};

use super::config::CacheSection;
use super::link::Link;
use super::subscription;

/// Longest life: the server adds it to its clock and refuses a sum beyond its numbers.
const LIFE_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The cache of a Redis or Valkey server.
pub struct RedisCache {
    pub(super) link: Link,
    pub(super) prefix: String,
}

impl RedisCache {
    /// `setting` is the one that has the URL. Connects when it is first used.
    pub fn new(url: &str, setting: &'static str, section: &CacheSection) -> Result<RedisCache, CacheError> {
        let link = Link::new(url, setting, section);
        let link = link.map_err(|error| CacheError::Unavailable(format!("{setting}: {error}")))?;
        Ok(RedisCache { link, prefix: section.prefix.clone() })
    }

    /// Where it is, without user and password, and the setting that says so.
    pub fn place(&self) -> &str {
        self.link.place()
    }

    pub(super) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, command: Cmd) -> Result<T, CacheError> {
        self.link.ask(&command).await
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let value: Option<Vec<u8>> = self.ask(Cmd::get(self.key(key))).await?;
        Ok(value.map(Bytes::from))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError> {
        let (key, life) = (self.key(key), ttl.min(LIFE_MAX).as_millis() as u64);
        match life {
            // The server has no life of that length.
            0 => self.ask(Cmd::del(key)).await,
            _ => self.ask(Cmd::pset_ex(key, &value[..], life)).await,
        }
    }

    async fn publish(&self, key: &str, message: Bytes) -> Result<(), CacheError> {
        self.ask(Cmd::publish(self.key(key), &message[..])).await
    }

    async fn subscribe(&self, key: &str) -> Result<Box<dyn CacheSubscription>, CacheError> {
        Ok(Box::new(subscription::open(&self.link, self.key(key)).await?))
    }
}
