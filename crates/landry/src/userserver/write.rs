//! A change of the tables, and of the index after its commit.

use std::sync::atomic::{AtomicBool, Ordering};

use allin_core::ids::UserId;
use allin_runtime::store::{StoreError, Tx};
use tokio::sync::MutexGuard;

use super::app::App;
use super::tables::{accounts, api_keys};
use crate::directory::{ApiKey, Effect};

/// One at a time, so that the index changes in the order of the commits. Dropped without [`Write::commit`] it never happened.
pub struct Write<'a> {
    app: &'a App,
    pub tx: Tx,
    effects: Vec<Effect>,
    masters: Vec<UserId>,
    _turn: MutexGuard<'a, ()>,
}

impl App {
    pub async fn write(&self) -> Result<Write<'_>, StoreError> {
        let turn = self.turn.lock().await;
        self.settle_doubt(&turn).await?;
        Ok(Write { app: self, tx: self.store.begin().await?, effects: Vec::new(), masters: Vec::new(), _turn: turn })
    }

    /// Reads the index again, where it may differ from what is stored.
    pub async fn look_again(&self) -> Result<(), StoreError> {
        let turn = self.turn.lock().await;
        self.settle_doubt(&turn).await
    }

    async fn settle_doubt(&self, _turn: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        if !self.is_in_doubt.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut tx = self.read().await?;
        let accounts = accounts::all(&mut tx).await?;
        let keys = api_keys::all(&mut tx, &self.vault).await?;
        tx.commit().await?;
        self.index.replace(accounts.iter().map(accounts::Account::facts), keys);
        self.is_in_doubt.store(false, Ordering::Release);
        Ok(())
    }

    /// One moment of the tables.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        self.store.snapshot().await
    }
}

impl Write<'_> {
    /// What is known of the account or its sub-accounts is changed.
    pub fn account_changes(&mut self, master: UserId) {
        self.masters.push(master);
    }

    pub async fn insert_key(&mut self, key: ApiKey) -> Result<(), StoreError> {
        api_keys::insert(&mut self.tx, &self.app.vault, &key).await?;
        self.effects.push(Effect::KeyLives(key));
        Ok(())
    }

    pub async fn update_key(&mut self, key: ApiKey) -> Result<(), StoreError> {
        api_keys::update(&mut self.tx, &key).await?;
        self.effects.push(Effect::KeyLives(key));
        Ok(())
    }

    pub async fn delete_key(&mut self, key: &str) -> Result<(), StoreError> {
        api_keys::delete(&mut self.tx, key).await?;
        self.effects.push(Effect::KeyGone(key.into()));
        Ok(())
    }

    /// Commits, then changes the index and tells its listeners.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        for master in std::mem::take(&mut self.masters) {
            let accounts = accounts::of_master(&mut self.tx, master).await?;
            self.effects.extend(accounts.iter().map(|account| Effect::Account(account.facts())));
        }
        let Write { app, tx, effects, _turn, .. } = self;
        // Also when the caller goes away before it is told.
        let doubt = Doubt(&app.is_in_doubt);
        tx.commit().await?;
        app.index.apply(effects);
        std::mem::forget(doubt);
        Ok(())
    }
}

/// Dropped, it leaves the index in doubt.
struct Doubt<'a>(&'a AtomicBool);

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
