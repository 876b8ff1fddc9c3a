//! What answering a request needs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use allin_core::ids::Timestamp;
use allin_exchange::clock::Clock;
use allin_runtime::args;
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::Engine;
use allin_runtime::store::{Store, StoreError};
use tokio::sync::{Mutex, Semaphore};

use super::config::UsersSection;
use super::limits::Limits;
use super::mail::Mail;
use super::passkeys::Passkeys;
use super::secrets::keyfile;
use super::secrets::password::Hasher;
use super::secrets::vault::Vault;
use super::tables::{accounts, api_keys, schema};
use super::{Handles, KEY_FILE};
use crate::directory::Index;

/// Sealed in the store under the key, so that a wrong key is found at the start.
const KEY_CHECK: &str = "key_check";
/// Documents are large, so few are taken at once; further ones get 503.
const UPLOADS_MAX: usize = 16;

pub struct App {
    pub config: UsersSection,
    pub store: Store,
    pub vault: Vault,
    pub hasher: Hasher,
    pub limits: Limits,
    pub mail: Mail,
    pub index: Arc<Index>,
    pub passkeys: Passkeys,
    pub engine: Arc<dyn Engine>,
    pub clock: Clock,
    pub token: InternalToken,
    pub documents: PathBuf,
    /// Documents that are in memory at once.
    pub uploads: Semaphore,
    /// Held by whoever changes the tables.
    pub(super) turn: Mutex<()>,
    /// A commit has failed, and may have happened all the same: the index is to be read again.
    pub(super) is_in_doubt: AtomicBool,
    /// Held by whoever tells the engine.
    pub(super) engine_turn: Mutex<()>,
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl App {
    /// Opens the tables and the key, and loads the index.
    pub async fn open(name: &'static str, config: UsersSection, handles: Handles, mail: Mail) -> Result<App, Failure> {
        let store = Store::open_synced(&handles.store_url).await?;
        schema::schema(name).apply(&store).await?;
        let vault = open_vault(&store, &config, &handles).await?;
        let mut tx = store.snapshot().await?;
        let accounts = accounts::all(&mut tx).await?;
        let keys = api_keys::all(&mut tx, &vault).await?;
        tx.commit().await?;
        let index = Index::new(accounts.iter().map(accounts::Account::facts), keys);
        let limits = &config;
        Ok(App {
            hasher: Hasher::new(&config)?,
            limits: Limits::new(
                limits.attempts_window_s,
                limits.attempts_per_address_max,
                limits.attempts_per_account_max,
                limits.attempts_by_strangers_max,
            ),
            passkeys: Passkeys::new(&config)?,
            documents: handles.data.join("kyc"),
            uploads: Semaphore::new(UPLOADS_MAX),
            engine: handles.engine,
            clock: handles.clock,
            token: handles.token,
            index: Arc::new(index),
            turn: Mutex::default(),
            is_in_doubt: AtomicBool::new(false),
            engine_turn: Mutex::default(),
            config,
            store,
            vault,
            mail,
        })
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// So many seconds from now.
    pub fn after(&self, seconds: u64) -> Timestamp {
        Timestamp(self.now().0.saturating_add(seconds.saturating_mul(Timestamp::SECOND)))
    }
}

/// A new key is made only for a store that holds nothing under another.
async fn open_vault(store: &Store, config: &UsersSection, handles: &Handles) -> Result<Vault, Failure> {
    let path = match config.secret_key_file.as_os_str().is_empty() {
        true => handles.data.join(KEY_FILE),
        false => config.secret_key_file.clone(),
    };
    let mut tx = store.begin().await?;
    let rows = tx.query("SELECT value FROM userserver_marks WHERE name = ?", args![KEY_CHECK]).await?;
    let check = rows.first().map(|row| row.text(0)).transpose()?;
    if check.is_none() && !path.exists() {
        keyfile::create(&path)?;
    }
    let vault = Vault::new(&keyfile::read(&path)?);
    match check {
        Some(check) if vault.open(KEY_CHECK, &check).is_none() => {
            return Err(format!("{}: the secrets in the store are encrypted under another key", path.display()).into());
        }
        Some(_) => {}
        None => {
            let check = vault.seal(KEY_CHECK, &[]);
            tx.execute("INSERT INTO userserver_marks (name, value) VALUES (?, ?)", args![KEY_CHECK, check]).await?;
        }
    }
    tx.commit().await?;
    Ok(vault)
}

impl App {
    /// Forgets what has expired.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.now();
        let mut write = self.write().await?;
        super::tables::codes::delete_expired(&mut write.tx, now).await?;
        super::tables::sessions::delete_expired(&mut write.tx, now).await?;
        write.commit().await
    }
}
