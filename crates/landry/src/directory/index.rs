//! What other services ask on the path of every signed request: a map look-up, loaded at the start and changed after the
//! commit of whatever changed it. userserver owns one; other processes keep a mirror of it ([`super::mirror`]).

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use allin_core::ids::UserId;
use async_trait::async_trait;
use tokio::sync::broadcast;

use super::{AccountFacts, ApiKey, Change, Directory, DirectoryError};

/// Changes that a listener may be behind before it is told that it has missed some.
const CHANGES_KEPT: usize = 4096;

pub struct Index {
    maps: RwLock<Maps>,
    changes: broadcast::Sender<Change>,
}

#[derive(Default)]
struct Maps {
    keys: HashMap<Box<str>, Arc<ApiKey>>,
    accounts: HashMap<UserId, Arc<AccountFacts>>,
}

/// What a commit changes of the index.
pub enum Effect {
    Account(AccountFacts),
    KeyLives(ApiKey),
    KeyGone(Box<str>),
}

impl Index {
    pub fn new(accounts: impl IntoIterator<Item = AccountFacts>, keys: impl IntoIterator<Item = ApiKey>) -> Index {
        let accounts = accounts.into_iter().map(|facts| (facts.user, Arc::new(facts))).collect();
        let keys = keys.into_iter().map(|key| (key.key.clone(), Arc::new(key))).collect();
        Index { maps: RwLock::new(Maps { keys, accounts }), changes: broadcast::channel(CHANGES_KEPT).0 }
    }

    /// Call in the order of the commits.
    pub fn apply(&self, effects: Vec<Effect>) {
        let mut told = Vec::with_capacity(effects.len());
        {
            let mut maps = self.maps.write().expect("no holder panics");
            for effect in effects {
                match effect {
                    Effect::Account(facts) => {
                        told.push(Change::User(facts.user));
                        maps.accounts.insert(facts.user, Arc::new(facts));
                    }
                    Effect::KeyLives(key) => {
                        told.push(Change::Key((&*key.key).into()));
                        maps.keys.insert(key.key.clone(), Arc::new(key));
                    }
                    Effect::KeyGone(key) => {
                        maps.keys.remove(&key);
                        told.push(Change::Key(key.into()));
                    }
                }
            }
        }
        for change in told {
            // Nobody listening is no fault.
            let _ = self.changes.send(change);
        }
    }

    /// Takes everything as it is stored, and tells what differs. For when it is not known whether a commit happened.
    pub fn replace(&self, accounts: impl IntoIterator<Item = AccountFacts>, keys: impl IntoIterator<Item = ApiKey>) {
        let accounts: HashMap<UserId, AccountFacts> = accounts.into_iter().map(|facts| (facts.user, facts)).collect();
        let keys: HashMap<Box<str>, ApiKey> = keys.into_iter().map(|key| (key.key.clone(), key)).collect();
        let mut effects = Vec::new();
        {
            let maps = self.maps.read().expect("no holder panics");
            effects.extend(maps.keys.keys().filter(|key| !keys.contains_key(*key)).cloned().map(Effect::KeyGone));
            let is_news = |key: &ApiKey| maps.keys.get(&key.key).is_none_or(|known| **known != *key);
            effects.extend(keys.into_values().filter(is_news).map(Effect::KeyLives));
            let is_news = |facts: &AccountFacts| maps.accounts.get(&facts.user).is_none_or(|known| **known != *facts);
            effects.extend(accounts.into_values().filter(is_news).map(Effect::Account));
        }
        self.apply(effects);
    }

    pub fn live_key(&self, key: &str) -> Option<Arc<ApiKey>> {
        self.maps.read().expect("no holder panics").keys.get(key).cloned()
    }

    pub fn facts(&self, user: UserId) -> Option<Arc<AccountFacts>> {
        self.maps.read().expect("no holder panics").accounts.get(&user).cloned()
    }

    /// Everything, as it is at one moment.
    pub fn all(&self) -> (Vec<Arc<ApiKey>>, Vec<Arc<AccountFacts>>) {
        let maps = self.maps.read().expect("no holder panics");
        (maps.keys.values().cloned().collect(), maps.accounts.values().cloned().collect())
    }

    /// Puts all of this in the place of what there was.
    pub fn reset(&self, accounts: Vec<AccountFacts>, keys: Vec<ApiKey>) {
        let accounts = accounts.into_iter().map(|facts| (facts.user, Arc::new(facts))).collect();
        let keys = keys.into_iter().map(|key| (key.key.clone(), Arc::new(key))).collect();
        *self.maps.write().expect("no holder panics") = Maps { keys, accounts };
        self.doubt();
    }

    /// Whoever keeps an answer is to forget it.
    pub fn doubt(&self) {
        // Nobody listening is no fault.
        let _ = self.changes.send(Change::Everything);
    }
}

#[async_trait]
impl Directory for Index {
    async fn key(&self, key: &str) -> Result<Option<Arc<ApiKey>>, DirectoryError> {
        Ok(self.live_key(key))
    }

    async fn account(&self, user: UserId) -> Result<Option<Arc<AccountFacts>>, DirectoryError> {
        Ok(self.facts(user))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}
