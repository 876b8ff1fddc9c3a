//! SQLite in WAL mode: one connection that writes, a few that read.
//!
//! `synchronous=NORMAL`: a commit is not synced one by one, so a power loss may take the last transactions back, whole and
//! in order. What is stored is a fold over the operation log and its position is in the same transaction, so what the file
//! loses the log gives again. The log itself is synced before anything is acknowledged. A service whose tables are no fold
//! asks for `synced_commits` (`synchronous=FULL`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Arguments as _, AssertSqlSafe, Sqlite, SqlitePool};

use super::error::{StoreError, StoreErrorKind};
use super::value::{Row, Value};

/// Connections that read at once.
const READERS_MAX: u32 = 4;
/// How long a statement waits for another process's lock, and a caller for a connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps: every table has some ten for batches.
const STATEMENTS_MAX: usize = 256;
/// Page cache of the writing connection, KiB (negative: not pages).
const WRITER_CACHE_KIB: &str = "-65536";
/// Pages of the write-ahead log before it is copied into the database; larger copies a hot page fewer times.
const CHECKPOINT_PAGES: &str = "8192";

/// What a URL may say after the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct SqliteOptions {
    busy_timeout: Duration,
    /// Most pages (of 4 KiB) that the database may have.
    pages_max: Option<u32>,
    /// Every commit is on the disk before it returns.
    pub(super) synced_commits: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { busy_timeout: BUSY_TIMEOUT, pages_max: None, synced_commits: false }
    }
}

impl SqliteOptions {
    /// `busy_timeout_ms=5000&pages_max=1000000`
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut options = Self::default();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=')? {
                ("busy_timeout_ms", value) => options.busy_timeout = Duration::from_millis(value.parse().ok()?),
                ("pages_max", value) => options.pages_max = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(options)
    }
}

pub(super) struct SqliteStore {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    pub(super) async fn open(path: &Path, limits: SqliteOptions) -> Result<Self, StoreError> {
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
            .synchronous(if limits.synced_commits { SqliteSynchronous::Full } else { SqliteSynchronous::Normal })
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
        let writer =
            pool(1).connect_with(writer_options).await.map_err(|error| StoreError::from_sqlx(context(), error))?;
        let readers = pool(READERS_MAX).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self { path: path.to_owned(), writer, readers })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the write lock at once: a transaction that reads first and writes later could fail half way.
    pub(super) async fn begin(&self) -> Result<SqliteTx, StoreError> {
        let mut connection = acquire(&self.writer).await?;
        run(&mut connection, "BEGIN IMMEDIATE", &[]).await?;
        Ok(SqliteTx::new(connection))
    }

    /// Everything read in it is of one moment.
    pub(super) async fn snapshot(&self) -> Result<SqliteTx, StoreError> {
        let mut connection = acquire(&self.readers).await?;
        run(&mut connection, "BEGIN", &[]).await?;
        Ok(SqliteTx::new(connection))
    }

    pub(super) async fn query(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut connection = acquire(&self.readers).await?;
        fetch(&mut connection, sql, args).await
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A transaction. A connection whose transaction did not end well is closed, never used again: after some errors SQLite
/// has rolled back by itself and after others it has not.
pub(super) struct SqliteTx {
    connection: Option<PoolConnection<Sqlite>>,
}

impl SqliteTx {
    fn new(connection: PoolConnection<Sqlite>) -> Self {
        Self { connection: Some(connection) }
    }

    fn connection(&mut self) -> &mut PoolConnection<Sqlite> {
        self.connection.as_mut().expect("there until the end")
    }

    pub(super) async fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, StoreError> {
        run(self.connection(), sql, args).await
    }

    pub(super) async fn query(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        fetch(self.connection(), sql, args).await
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        run(self.connection(), "COMMIT", &[]).await?;
        self.connection = None;
        Ok(())
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}

async fn acquire(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, StoreError> {
    pool.acquire().await.map_err(|error| StoreError::from_sqlx("get a connection", error))
}

async fn run(connection: &mut PoolConnection<Sqlite>, sql: &str, args: &[Value]) -> Result<u64, StoreError> {
    sqlx::query_with(AssertSqlSafe(sql), bind(args)?)
        .execute(&mut **connection)
        .await
        .map(|done| done.rows_affected())
        .map_err(|error| StoreError::from_sqlx(abridged(sql), error))
}

async fn fetch(connection: &mut PoolConnection<Sqlite>, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_with(AssertSqlSafe(sql), bind(args)?)
        .fetch_all(&mut **connection)
        .await
        .map_err(|error| StoreError::from_sqlx(abridged(sql), error))?;
    Ok(rows.into_iter().map(|inner| Row { inner }).collect())
}

fn bind(args: &[Value]) -> Result<SqliteArguments, StoreError> {
    let mut bound = SqliteArguments::default();
    bound.reserve(args.len(), 0);
    for value in args {
        let added = match value {
            Value::Int(int) => bound.add(*int),
            Value::Text(text) => bound.add(text.clone()),
        };
        added.map_err(|error| StoreError::new(StoreErrorKind::Invalid, format!("argument: {error}")))?;
    }
    Ok(bound)
}

/// A batch's text goes to thousands of characters.
fn abridged(sql: &str) -> &str {
    const SHOWN: usize = 120;
    sql.get(..SHOWN).unwrap_or(sql)
}
