//! Owns SQL: opening, migrations, transactions, batches, positions; one text with `?` for SQLite, MySQL, MariaDB and
//! PostgreSQL. Never lets a service see the driver, never writes outside of a transaction, never shows a password.
//!
//! Portable text: BIGINT, SMALLINT, VARCHAR, TEXT; amounts as decimal text, times and ids as BIGINT; no `ON CONFLICT`,
//! no `RETURNING`, no `FOR UPDATE`, no arithmetic on amounts. Text compares by its bytes everywhere.
//!
//! Known limits: MySQL 8 is written for, and MariaDB is what the tests run.

mod connection;
mod copy;
mod dialect;
mod error;
mod inspect;
mod migrate;
mod months;
mod nul;
mod parts;
mod pools;
mod position;
mod rows;
mod server;
mod sqlite;
mod tx;
mod url;
mod value;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::{StoreError, StoreErrorKind};
pub use inspect::About;
pub use migrate::{Migration, Schema};
pub use months::Month;
pub use position::Position;
pub use rows::{Rows, Updates};
pub use tx::Tx;
pub use value::{Row, Value};

use connection::Connection;
use dialect::Dialect;
use pools::Pools;
use url::{Kind, Options, Shown, StoreUrl};

/// A service's database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<Backend>,
}

struct Backend {
    pools: Pools,
    dialect: Dialect,
    options: Options,
    /// The file, where it is one.
    path: Option<PathBuf>,
    /// The URL without its password.
    shown: String,
}

impl Store {
    /// Opens a database by its URL.
    ///
    /// - `sqlite:PATH`: the file and its directory are made when missing;
    /// - `mysql://USER:PASSWORD@HOST:PORT/DATABASE` (MySQL 8, MariaDB), with `?ssl-mode=…&ssl-ca=…`;
    /// - `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=…&sslrootcert=…`.
    ///
    /// `writer=NAME` names those whose transactions follow each other ([`Store::begin`]); `busy_timeout_ms` is how long they
    /// wait, `statement_timeout_ms` the longest that a server may take, `pages_max` the size of a SQLite file.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_url(url, None, false).await
    }

    /// Opens a server's database once more, for transactions that do not wait for those of [`Store::open`] but for each other:
    /// they have the lane's name behind the writer's.
    pub async fn open_lane(url: &str, lane: &str) -> Result<Store, StoreError> {
        Store::open_url(url, Some(lane), false).await
    }

    /// As [`Store::open`], and every commit is on the disk before it returns: for tables that nothing else could give again.
    pub async fn open_synced(url: &str) -> Result<Store, StoreError> {
        let store = Store::open_url(url, None, true).await?;
        store.warn_unless_synced().await?;
        Ok(store)
    }

    async fn open_url(url: &str, lane: Option<&str>, synced_commits: bool) -> Result<Store, StoreError> {
        let shown = Shown(url).to_string();
        let context = format!("open {shown}");
        let parsed = StoreUrl::parse(url).and_then(|parsed| parsed.in_lane(lane));
        let Some(StoreUrl { kind, target, options }) = parsed else {
            let told = format!("{context}: {}", url::EXPECTED);
            return Err(StoreError::new(StoreErrorKind::Invalid, told));
        };
        let (pools, dialect) = match kind {
            Kind::Sqlite => return Store::open_sqlite(Path::new(&target), options, synced_commits).await,
            Kind::MySql => {
                let (pair, dialect) = server::open_mysql(&target, &options, &context).await?;
                (Pools::MySql(pair), dialect)
            }
            Kind::Postgres => {
                (Pools::Postgres(server::open_postgres(&target, &options, &context).await?), Dialect::Postgres)
            }
        };
        Ok(Store { backend: Arc::new(Backend { pools, dialect, options, path: None, shown }) })
    }

    /// A URL as it may be shown: without its password.
    pub fn shown_url(url: &str) -> String {
        Shown(url).to_string()
    }

    /// Whether a URL is one of a server, and can be understood.
    pub fn is_server_url(url: &str) -> bool {
        StoreUrl::parse(url).is_some_and(|parsed| parsed.kind != Kind::Sqlite)
    }

    /// Opens a SQLite file.
    pub async fn open_file(path: &Path) -> Result<Store, StoreError> {
        Store::open_sqlite(path, Options::default(), false).await
    }

    async fn open_sqlite(path: &Path, options: Options, synced_commits: bool) -> Result<Store, StoreError> {
        let pools = Pools::Sqlite(sqlite::open(path, &options, synced_commits).await?);
        let shown = format!("sqlite:{}", path.display());
        let backend = Backend { pools, dialect: Dialect::Sqlite, options, path: Some(path.to_owned()), shown };
        Ok(Store { backend: Arc::new(backend) })
    }

    /// A service's file in the embedded mode: `DATA/store/SERVICE.db`.
    pub async fn open_embedded(data: &Path, service: &str) -> Result<Store, StoreError> {
        Store::open_file(&data.join("store").join(format!("{service}.db"))).await
    }

    /// Brings the tables of `namespace` (a service's name) to the newest version.
    pub async fn migrate(&self, namespace: &str, migrations: &[Migration]) -> Result<(), StoreError> {
        migrate::migrate(self, namespace, migrations).await.map(|_| ())
    }

    /// The one transaction that writes; others wait for it. On a server, one for each name of writers: the transaction holds
    /// a row lock of that name until it ends, or until its connection does.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        if self.backend.dialect == Dialect::Sqlite {
            return Tx::begin(self.writer().await?, self.backend.dialect.begin()).await;
        }
        writer::begin(self).await
    }

    /// A transaction that reads: everything it sees is of one moment. End it with [`Tx::commit`].
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        Tx::begin(self.reader().await?, self.backend.dialect.snapshot()).await
    }

    /// One question on its own.
    pub async fn query(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.reader().await?.query(sql, args).await
    }

    /// How the database would answer a question, one line a step; for tests that refuse full scans. A server is asked how it
    /// would if its tables were large.
    pub async fn explain(&self, sql: &str, args: &[Value]) -> Result<Vec<String>, StoreError> {
        inspect::explain(self, sql, args).await
    }

    /// False when the file was removed while open: what is written now is lost with the process.
    pub fn is_present(&self) -> bool {
        self.backend.path.as_ref().is_none_or(|path| path.exists())
    }

    /// What answers, and how it is set.
    pub async fn about(&self) -> Result<About, StoreError> {
        inspect::about(self).await
    }

    /// The URL without its password.
    pub fn shown(&self) -> &str {
        &self.backend.shown
    }

    /// Ends all connections; transactions in flight are rolled back.
    pub async fn close(&self) {
        self.backend.pools.close().await;
    }

    async fn writer(&self) -> Result<Connection, StoreError> {
        Ok(self.connection(self.backend.pools.writer().await?))
    }

    async fn reader(&self) -> Result<Connection, StoreError> {
        Ok(self.connection(self.backend.pools.reader().await?))
    }

    fn connection(&self, driver: connection::Driver) -> Connection {
        let dialect = self.backend.dialect;
        let statement_timeout = (dialect != Dialect::Sqlite).then_some(self.backend.options.statement_timeout);
        Connection::new(dialect, statement_timeout, driver)
    }

    async fn warn_unless_synced(&self) -> Result<(), StoreError> {
        if !inspect::is_synced(self).await? {
            let told = "a power loss may take commits back: set innodb_flush_log_at_trx_commit = 1";
            tracing::warn!(store = self.shown(), "{told}");
        }
        Ok(())
    }
}
