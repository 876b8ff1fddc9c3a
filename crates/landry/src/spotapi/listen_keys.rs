//! Listen keys. The store has them, so that they outlive a restart; the cache shows those that live to whoever streams by
//! them (`spot:listenkey:<key>` → user id as decimal text).

use std::time::Duration;

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::cache::{Cache, CacheError};
use allin_runtime::store::{Migration, Schema, Store, StoreError};
use bytes::Bytes;
use tokio::sync::OnceCell;

/// How long a key lives that nobody keeps alive.
const LIFE_US: u64 = 60 * Timestamp::MINUTE;

const NAMESPACE: &str = "spotapi";
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    statements: &["CREATE TABLE spotapi_listen_keys (\
            user_id {id} NOT NULL PRIMARY KEY, listen_key VARCHAR(64) NOT NULL, expires_us BIGINT NOT NULL)"],
}];

/// What the service keeps.
pub const SCHEMA: Schema = Schema { namespace: NAMESPACE, migrations: MIGRATIONS, consumer: None };

pub(super) struct ListenKeys {
    url: String,
    store: OnceCell<Store>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ListenKeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cache(#[from] CacheError),
}

fn shown(key: &str) -> String {
    format!("spot:listenkey:{key}")
}

impl ListenKeys {
    pub fn new(url: String) -> ListenKeys {
        ListenKeys { url, store: OnceCell::new() }
    }

    /// Opened when it is first asked for, and again later when that failed.
    async fn store(&self) -> Result<&Store, StoreError> {
        let open = async || {
            let store = Store::open(&self.url).await?;
            store.migrate(NAMESPACE, MIGRATIONS).await?;
            Ok(store)
        };
        self.store.get_or_try_init(open).await
    }

    /// Shows the keys that live; those whose time is over are forgotten.
    pub async fn restore(&self, cache: &dyn Cache, now: Timestamp) -> Result<(), ListenKeyError> {
        let store = self.store().await?;
        let mut tx = store.begin().await?;
        tx.execute("DELETE FROM spotapi_listen_keys WHERE expires_us <= ?", args![now.0]).await?;
        let rows = tx.query("SELECT listen_key, user_id, expires_us FROM spotapi_listen_keys", args![]).await?;
        tx.commit().await?;
        for row in rows {
            let rest = Duration::from_micros((row.int(2)? as u64).saturating_sub(now.0));
            cache.set(&shown(&row.text(0)?), Bytes::from((row.int(1)? as u64).to_string()), rest).await?;
        }
        Ok(())
    }

    /// A user's key that lives, if there is one.
    pub async fn living(&self, user: UserId, now: Timestamp) -> Result<Option<String>, ListenKeyError> {
        let sql = "SELECT listen_key FROM spotapi_listen_keys WHERE user_id = ? AND expires_us > ?";
        let rows = self.store().await?.query(sql, args![user, now.0]).await?;
        Ok(rows.first().map(|row| row.text(0)).transpose()?)
    }

    /// Lets a user's key live for an hour from now.
    pub async fn keep(&self, cache: &dyn Cache, user: UserId, key: &str, now: Timestamp) -> Result<(), ListenKeyError> {
        let until = now.plus(LIFE_US);
        let mut tx = self.store().await?.begin().await?;
        let sql = "UPDATE spotapi_listen_keys SET listen_key = ?, expires_us = ? WHERE user_id = ?";
        if tx.execute(sql, args![key, until.0, user]).await? == 0 {
            let sql = "INSERT INTO spotapi_listen_keys (user_id, listen_key, expires_us) VALUES (?, ?, ?)";
            tx.execute(sql, args![user, key, until.0]).await?;
        }
        tx.commit().await?;
        cache.set(&shown(key), Bytes::from(user.0.to_string()), Duration::from_micros(LIFE_US)).await?;
        Ok(())
    }

    /// Ends a user's key; whoever streams by it is told.
    pub async fn close(&self, cache: &dyn Cache, user: UserId, key: &str) -> Result<(), ListenKeyError> {
        let mut tx = self.store().await?.begin().await?;
        tx.execute("DELETE FROM spotapi_listen_keys WHERE user_id = ?", args![user]).await?;
        tx.commit().await?;
        // The cache has no removal.
        cache.set(&shown(key), Bytes::from(user.0.to_string()), Duration::ZERO).await?;
        cache.publish(&shown(key), Bytes::from_static(b"closed")).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use allin_runtime::cache::MemoryCache;

    use super::*;

    const START: Timestamp = Timestamp(1_700_000_000_000_000);
    const USER: UserId = UserId(7);

    #[tokio::test]
    async fn a_key_outlives_a_restart_and_not_its_hour() {
        let data = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}", data.path().join("spotapi.db").display());
        let half = START.plus(LIFE_US / 2);
        {
            let (keys, cache) = (ListenKeys::new(url.clone()), MemoryCache::new(10));
            assert_eq!(keys.living(USER, START).await.expect("asked"), None);
            keys.keep(&cache, USER, "first", START).await.expect("kept");
            keys.keep(&cache, UserId(8), "other", START).await.expect("kept");
            keys.keep(&cache, UserId(8), "other", half).await.expect("kept alive");
            keys.keep(&cache, UserId(9), "gone", START).await.expect("kept");
            keys.close(&cache, UserId(9), "gone").await.expect("closed");
            assert_eq!(cache.get(&shown("gone")).await.expect("asked"), None);
        }
        // Another process, with an empty cache.
        let (keys, cache) = (ListenKeys::new(url.clone()), MemoryCache::new(10));
        keys.restore(&cache, half).await.expect("restored");
        assert_eq!(keys.living(USER, half).await.expect("asked").as_deref(), Some("first"));
        for (key, user) in [("first", Some("7")), ("other", Some("8")), ("gone", None)] {
            let told = cache.get(&shown(key)).await.expect("asked");
            assert_eq!(told.as_deref(), user.map(str::as_bytes), "{key}");
        }
        assert_eq!(keys.living(UserId(9), half).await.expect("asked"), None);
        // An hour after the start only the one that was kept alive is there.
        let (keys, cache) = (ListenKeys::new(url), MemoryCache::new(10));
        keys.restore(&cache, START.plus(LIFE_US)).await.expect("restored");
        assert_eq!(cache.get(&shown("first")).await.expect("asked"), None);
        assert!(cache.get(&shown("other")).await.expect("asked").is_some());
        assert_eq!(keys.living(USER, START.plus(LIFE_US)).await.expect("asked"), None);
    }
}
