//! SQLite in WAL mode: one connection that writes, a few that read.
//!
//! `synchronous=NORMAL`: a commit is not synced one by one, so a power loss may take the last transactions back, whole and
//! in order. What is stored is a fold over the operation log and its position is in the same transaction, so what the file
//! loses the log gives again. The log itself is synced before anything is acknowledged. A service whose tables are no fold
//! asks for synced commits (`synchronous=FULL`).

use std::path::Path;

use sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::error::StoreError;
use super::pools::{Pair, STATEMENTS_MAX};
use super::url::{BUSY_TIMEOUT, Options};

/// Connections that read at once.
const READERS_MAX: u32 = 4;
/// Page cache of the writing connection, KiB (negative: not pages).
const WRITER_CACHE_KIB: &str = "-65536";
/// Pages of the write-ahead log before it is copied into the database; larger copies a hot page fewer times.
const CHECKPOINT_PAGES: &str = "8192";

/// Opens a file, and makes it and its directory when missing.
pub(super) async fn open(path: &Path, limits: &Options, synced_commits: bool) -> Result<Pair<Sqlite>, StoreError> {
    let context = || format!("open {}", path.display());
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|error| StoreError::from_sqlx(context(), error.into()))?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(limits.busy_timeout)
        .statement_cache_capacity(STATEMENTS_MAX);
    let mut writer_options = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if synced_commits { SqliteSynchronous::Full } else { SqliteSynchronous::Normal })
        .pragma("cache_size", WRITER_CACHE_KIB)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
    if let Some(pages) = limits.pages_max {
        writer_options = writer_options.pragma("max_page_count", pages.to_string());
    }
    let pool = |max| {
        SqlitePoolOptions::new()
            .max_connections(max)
            .acquire_timeout(BUSY_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let writer = pool(1).connect_with(writer_options).await.map_err(|error| StoreError::from_sqlx(context(), error))?;
    let readers = pool(READERS_MAX).connect_lazy_with(options.pragma("query_only", "ON"));
    Ok(Pair { writer, readers })
}
