//! Listen keys. The store has them, so that they outlive a restart; the cache shows those that live to whoever streams by
//! them (`spot:listenkey:<key>` → user id as decimal text).
//!
//! The cache may lose everything at any time. So that a key that is not shown is told from one that was lost, two marks are
//! set with the same text, one before all living keys are shown and one after ([`look_up`]); when they are gone, all is
//! shown again ([`tend`]).

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Timestamp, UserId};
use allin_exchange::service::{ServiceError, Stopping};
use allin_runtime::args;
use allin_runtime::cache::{Cache, CacheError};
use allin_runtime::store::{Migration, Schema, Store, StoreError};
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::app::App;
use super::random_text::random_text;

/// How long a key lives that nobody keeps alive.
const LIFE_US: u64 = 60 * Timestamp::MINUTE;

/// Where the marks are; they are renewed with everything else.
const BEGUN: &str = "spot:listenkeys:begun";
const DONE: &str = "spot:listenkeys:done";
const MARK_LIFE: Duration = Duration::from_secs(24 * 3600);
const MARK_LENGTH: usize = 24;
/// Between two looks at the marks, and from a look to the next try when a key may have been lost.
const TEND: Duration = Duration::from_millis(250);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

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

/// Whose a listen key is; none if it does not live. While that cannot be told this does not return, or says that the cache
/// is away.
pub(crate) async fn look_up(cache: &dyn Cache, key: &str) -> Result<Option<UserId>, CacheError> {
    let shown = shown(key);
    let user = |value: Bytes| std::str::from_utf8(&value).ok()?.parse().ok().map(UserId);
    if let Some(value) = cache.get(&shown).await? {
        return Ok(user(value));
    }
    loop {
        // All keys had been shown when the second mark was seen; nothing was lost until after the key was looked for if the
        // first one is still of the same time.
        let done = cache.get(DONE).await?;
        if let Some(value) = cache.get(&shown).await? {
            return Ok(user(value));
        }
        if done.is_some() && cache.get(BEGUN).await? == done {
            return Ok(None);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Shows all keys again when the cache has lost them, until the service stops.
pub(super) async fn tend(app: Arc<App>, mut stopping: Stopping) -> Result<(), ServiceError> {
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(TEND) => {}
        }
        let tended = app.listen_keys.tend(&*app.handles.cache, (app.handles.clock)()).await;
        if let Err(error) = &tended
            && !is_failing
        {
            tracing::warn!(%error, "listen keys cannot be shown");
        }
        is_failing = tended.is_err();
    }
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

    async fn tend(&self, cache: &dyn Cache, now: Timestamp) -> Result<(), ListenKeyError> {
        let done = cache.get(DONE).await?;
        if done.is_some() && cache.get(BEGUN).await? == done {
            return Ok(());
        }
        self.restore(cache, now).await
    }

    /// Shows the keys that live; those whose time is over are forgotten. What another node changes waits meanwhile, so that
    /// nothing older is shown after it.
    pub async fn restore(&self, cache: &dyn Cache, now: Timestamp) -> Result<(), ListenKeyError> {
        let store = self.store().await?;
        let mut tx = store.begin().await?;
        tx.execute("DELETE FROM spotapi_listen_keys WHERE expires_us <= ?", args![now.0]).await?;
        let rows = tx.query("SELECT listen_key, user_id, expires_us FROM spotapi_listen_keys", args![]).await?;
        let mark = Bytes::from(random_text(MARK_LENGTH));
        cache.set(BEGUN, mark.clone(), MARK_LIFE).await?;
        for row in rows {
            let rest = Duration::from_micros((row.int(2)? as u64).saturating_sub(now.0));
            cache.set(&shown(&row.text(0)?), Bytes::from((row.int(1)? as u64).to_string()), rest).await?;
        }
        cache.set(DONE, mark, MARK_LIFE).await?;
        tx.commit().await?;
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
        cache.set(&shown(key), Bytes::from(user.0.to_string()), Duration::from_micros(LIFE_US)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends a user's key; whoever streams by it is told.
    pub async fn close(&self, cache: &dyn Cache, user: UserId, key: &str) -> Result<(), ListenKeyError> {
        let mut tx = self.store().await?.begin().await?;
        tx.execute("DELETE FROM spotapi_listen_keys WHERE user_id = ?", args![user]).await?;
        // The cache has no removal.
        cache.set(&shown(key), Bytes::from(user.0.to_string()), Duration::ZERO).await?;
        tx.commit().await?;
        cache.publish(&shown(key), Bytes::from_static(b"closed")).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use allin_runtime::cache::MemoryCache;
    use allin_testing::cache::MoodyCache;

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

    /// Wherever a flush falls, a key that lives is never called one that does not.
    #[tokio::test]
    async fn a_flush_at_any_operation_makes_no_living_key_a_dead_one() {
        let data = tempfile::tempdir().expect("a directory");
        let keys = ListenKeys::new(format!("sqlite:{}", data.path().join("spotapi.db").display()));
        let start = MoodyCache::default();
        for user in 0..3 {
            keys.keep(&start, UserId(user), &format!("key-{user}"), START).await.expect("kept");
        }
        keys.keep(&start, UserId(9), "dead", START).await.expect("kept");
        keys.close(&start, UserId(9), "dead").await.expect("closed");
        let (mut certain, mut flushed) = (0, 0);
        // Two looks while the keys are shown again beside them, and one afterwards.
        for operation in 0..60 {
            let cache = MoodyCache::default();
            keys.restore(&cache, START).await.expect("restored");
            cache.flush_at(cache.done() + operation);
            let look = async |key: &str| tokio::time::timeout(TEND, look_up(&cache, key)).await;
            let tend = async || {
                for _ in 0..3 {
                    keys.tend(&cache, START).await.expect("well");
                    tokio::task::yield_now().await;
                }
            };
            let (living, dead, ()) = tokio::join!(look("key-1"), look("dead"), tend());
            let again = look("key-2").await;
            for (found, user) in [(living, UserId(1)), (again, UserId(2))] {
                let found = found.unwrap_or(Ok(Some(user))).expect("well");
                assert_eq!(found, Some(user), "a flush before operation {operation}");
            }
            if let Ok(found) = dead {
                assert_eq!(found, Ok(None));
                certain += 1;
            }
            flushed += u32::from(cache.is_flushed());
        }
        assert!(flushed > 10 && certain > 30, "{flushed} {certain}");
    }
}
