//! What `allin doctor` says of a server.

use std::collections::HashMap;
use std::time::Duration;

use allin_runtime::cache::{Cache, CacheError};
use bytes::Bytes;
use redis::Cmd;

use super::RedisCache;

/// Oldest version that is known to do.
const VERSION_MIN: u32 = 7;

/// What a server is, and may do to us.
#[derive(Debug)]
pub struct Look {
    /// Such as `Redis 7.0.15`.
    pub product: String,
    pub is_supported: bool,
    /// How it makes room when its memory is full, if it may drop keys that still live.
    pub evicts: Option<String>,
    /// It writes its values to a disk, and would bring old ones back after a crash.
    pub keeps: bool,
    /// What this user may not do.
    pub refused: Option<String>,
}

impl RedisCache {
    /// Asks the server about itself, and tries what services do. It leaves nothing behind.
    pub async fn look(&self) -> Result<Look, CacheError> {
        // First, so that a server that cannot be reached is told from one that refuses to tell of itself.
        self.ask::<()>(redis::cmd("PING")).await?;
        let info: String = self.ask(redis::cmd("INFO")).await.unwrap_or_default();
        let info: HashMap<&str, &str> = info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
        let told = |name: &str| info.get(name).copied().unwrap_or_default();
        let (name, version) = match info.get("valkey_version") {
            Some(version) => ("Valkey", *version),
            None => ("Redis", info.get("redis_version").copied().unwrap_or("of an unknown version")),
        };
        let major = version.split('.').next().and_then(|major| major.parse().ok());
        let policy = told("maxmemory_policy");
        let drops = !matches!(told("maxmemory"), "" | "0") && policy != "noeviction";
        // Not every user may ask, and not every provider answers.
        let saves: Option<HashMap<String, String>> =
            self.ask(Cmd::new().arg("CONFIG").arg("GET").arg("save").to_owned()).await.ok();
        let saves = saves.is_some_and(|saves| saves.values().any(|save| !save.is_empty()));
        Ok(Look {
            product: format!("{name} {version}"),
            is_supported: major.is_none_or(|major: u32| major >= VERSION_MIN),
            evicts: drops.then(|| policy.to_owned()),
            keeps: saves || told("aof_enabled") == "1",
            refused: self.try_rights().await.err().map(|error| error.to_string()),
        })
    }

    async fn try_rights(&self) -> Result<(), CacheError> {
        let key = format!("doctor:{}", std::process::id());
        let value = Bytes::from_static(b"doctor");
        self.set(&key, value.clone(), Duration::from_secs(5)).await?;
        self.get(&key).await?;
        self.set(&key, value.clone(), Duration::ZERO).await?;
        let _subscription = self.subscribe(&key).await?;
        self.publish(&key, value).await
    }
}
