//! Owns SQL: opening, migrations, transactions, batches, positions; one text with `?` for every database.
//! Never lets a service see the driver, and never writes outside of a transaction.
//! Known limits: SQLite only; MySQL and PostgreSQL become further variants of the back end, with the same text.
//!
//! Portable text: BIGINT, SMALLINT, VARCHAR, TEXT; amounts as decimal text, times and ids as BIGINT; no `ON CONFLICT`,
//! no `RETURNING`, no `FOR UPDATE`, no arithmetic on amounts.

mod error;
mod migrate;
mod position;
mod rows;
mod sqlite;
mod value;

use std::path::Path;
use std::sync::Arc;

pub use error::{StoreError, StoreErrorKind};
pub use migrate::Migration;
pub use position::Position;
pub use rows::{Rows, Updates};
pub use value::{Row, Value};

use sqlite::{SqliteOptions, SqliteStore, SqliteTx};

/// A service's database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<Backend>,
}

enum Backend {
    Sqlite(SqliteStore),
}

impl Store {
    /// Opens a database by its URL: `sqlite:PATH`, with `?busy_timeout_ms=…&pages_max=…` where wanted. The file and its
    /// directory are made when missing.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_url(url, false).await
    }

    /// As [`Store::open`], and every commit is on the disk before it returns: for tables that nothing else could give again.
    pub async fn open_synced(url: &str) -> Result<Store, StoreError> {
        Store::open_url(url, true).await
    }

    async fn open_url(url: &str, synced_commits: bool) -> Result<Store, StoreError> {
        let refused = || {
            let told = format!("store URL {url:?}: expected sqlite:PATH or sqlite:PATH?busy_timeout_ms=…&pages_max=…");
            StoreError::new(StoreErrorKind::Invalid, told)
        };
        let path = url.strip_prefix("sqlite:").ok_or_else(refused)?;
        let (path, options) = path.split_once('?').unwrap_or((path, ""));
        let mut options = SqliteOptions::parse(options).ok_or_else(refused)?;
        options.synced_commits = synced_commits;
        if path.is_empty() {
            return Err(refused());
        }
        Store::open_sqlite(Path::new(path), options).await
    }

    /// Opens a SQLite file.
    pub async fn open_file(path: &Path) -> Result<Store, StoreError> {
        Store::open_sqlite(path, SqliteOptions::default()).await
    }

    async fn open_sqlite(path: &Path, options: SqliteOptions) -> Result<Store, StoreError> {
        let backend = Backend::Sqlite(SqliteStore::open(path, options).await?);
        Ok(Store { backend: Arc::new(backend) })
    }

    /// A service's file in the embedded mode: `DATA/store/SERVICE.db`.
    pub async fn open_embedded(data: &Path, service: &str) -> Result<Store, StoreError> {
        Store::open_file(&data.join("store").join(format!("{service}.db"))).await
    }

    /// Brings the tables of `namespace` (a service's name) to the newest version.
    pub async fn migrate(&self, namespace: &str, migrations: &[Migration]) -> Result<(), StoreError> {
        migrate::migrate(self, namespace, migrations).await
    }

    /// The one transaction that writes; others wait for it.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let Backend::Sqlite(store) = &*self.backend;
        store.begin().await.map(|inner| Tx { inner })
    }

    /// A transaction that reads: everything it sees is of one moment. End it with [`Tx::commit`].
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        let Backend::Sqlite(store) = &*self.backend;
        store.snapshot().await.map(|inner| Tx { inner })
    }

    /// One question on its own.
    pub async fn query(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        let Backend::Sqlite(store) = &*self.backend;
        store.query(sql, args).await
    }

    /// How the database would answer a question, one line a step; for tests that refuse full scans.
    pub async fn explain(&self, sql: &str, args: &[Value]) -> Result<Vec<String>, StoreError> {
        let rows = self.query(&format!("EXPLAIN QUERY PLAN {sql}"), args).await?;
        rows.iter().map(|row| row.text(3)).collect()
    }

    /// False when the file was removed while open: what is written now is lost with the process.
    pub fn is_present(&self) -> bool {
        let Backend::Sqlite(store) = &*self.backend;
        store.path().exists()
    }

    /// Ends all connections; transactions in flight are rolled back.
    pub async fn close(&self) {
        let Backend::Sqlite(store) = &*self.backend;
        store.close().await;
    }
}

/// A transaction. Dropped without [`commit`](Tx::commit) it never happened.
pub struct Tx {
    inner: SqliteTx,
}

impl Tx {
    /// Runs a statement; gives the number of rows it changed.
    pub async fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, StoreError> {
        self.inner.execute(sql, args).await
    }

    pub async fn query(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.inner.query(sql, args).await
    }

    /// Inserts all rows, in few statements.
    pub async fn insert(&mut self, rows: &Rows) -> Result<(), StoreError> {
        for chunk in rows::chunks(rows) {
            let sql = rows::insert_sql(rows, chunk.len() / rows.columns.len());
            self.inner.execute(&sql, chunk).await?;
        }
        Ok(())
    }

    /// Updates all rows, in few statements; gives the number of rows that were there.
    pub async fn update(&mut self, updates: &Updates) -> Result<u64, StoreError> {
        let mut changed = 0;
        for chunk in rows::chunks(&updates.rows) {
            let sql = rows::update_sql(updates, chunk.len() / updates.rows.columns.len());
            changed += self.inner.execute(&sql, chunk).await?;
        }
        Ok(changed)
    }

    /// Rows of `select … WHERE key IN (…)` for many keys; `sql` ends before the bracket.
    pub async fn query_in(&mut self, sql: &str, keys: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for chunk in keys.chunks(rows::STATEMENT_VALUES_MAX) {
            // The number of marks is rounded up, repeating the last key, so that there are few different statements.
            let marks = chunk.len().next_power_of_two();
            let mut padded = chunk.to_vec();
            padded.resize(marks, chunk[chunk.len() - 1].clone());
            let sql = format!("{sql} ({})", vec!["?"; marks].join(","));
            found.extend(self.inner.query(&sql, &padded).await?);
        }
        Ok(found)
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await
    }
}
