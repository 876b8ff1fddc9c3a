//! API keys that were asked for of late, until the directory says that they changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allin_core::ids::UserId;
use allin_exchange::service::{ServiceError, Stopping};
use tokio::sync::broadcast::error::RecvError;

use super::app::App;
use crate::directory::{ApiKey, Change, DirectoryError};

/// A key with what else decides on its requests.
#[derive(Clone)]
pub struct Known {
    pub key: Arc<ApiKey>,
    pub frozen: bool,
}

pub(super) struct Keys {
    keys_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: HashMap<Box<str>, Known>,
    /// Counts changes: an answer that was asked for before one is not kept after it.
    changes: u64,
    /// Somebody hears of changes; otherwise nothing is kept.
    heard: bool,
}

impl Keys {
    pub fn new(keys_max: usize) -> Keys {
        Keys { keys_max, inner: Mutex::default() }
    }

    pub async fn get(&self, app: &App, key: &str) -> Result<Option<Known>, DirectoryError> {
        let changes = {
            let inner = self.lock();
            if let Some(known) = inner.known.get(key) {
                return Ok(Some(known.clone()));
            }
            inner.changes
        };
        let Some(found) = app.handles.directory.key(key).await? else { return Ok(None) };
        let account = app.handles.directory.account(found.user).await?;
        let known = Known { key: found, frozen: account.is_some_and(|account| account.frozen) };
        let mut inner = self.lock();
        if inner.heard && inner.changes == changes {
            if inner.known.len() >= self.keys_max {
                inner.known.clear();
            }
            inner.known.insert(key.into(), known.clone());
        }
        Ok(Some(known))
    }

    fn forget_key(&self, key: &str) {
        let mut inner = self.lock();
        inner.changes += 1;
        inner.known.remove(key);
    }

    fn forget_user(&self, user: UserId) {
        let mut inner = self.lock();
        inner.changes += 1;
        inner.known.retain(|_, known| known.key.user != user);
    }

    fn forget_all(&self, heard: bool) {
        let mut inner = self.lock();
        inner.changes += 1;
        inner.known.clear();
        inner.heard = heard;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No holder leaves it half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what changed, until the service stops. Without the channel nothing is remembered.
pub(super) async fn follow(app: Arc<App>, mut stopping: Stopping) -> Result<(), ServiceError> {
    let mut changes = app.handles.directory.changes();
    app.keys.forget_all(true);
    loop {
        let change = tokio::select! {
            () = stopping.wait() => return Ok(()),
            change = changes.recv() => change,
        };
        match change {
            Ok(Change::Key(key)) => app.keys.forget_key(&key),
            Ok(Change::User(user)) => app.keys.forget_user(user),
            Ok(Change::Everything) | Err(RecvError::Lagged(_)) => app.keys.forget_all(true),
            Err(RecvError::Closed) => {
                app.keys.forget_all(false);
                stopping.wait().await;
                return Ok(());
            }
        }
    }
}
