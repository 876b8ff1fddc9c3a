//! Looking at a database from outside: its tables, its version, its rights, and how it would answer.

use super::Store;
use super::dialect::Dialect;
use super::error::StoreError;
use super::rows::Arguments;
use super::value::Row;
use crate::args;

/// What answers, and how it is set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// "SQLite 3.50.4", "MariaDB 10.11.6", "PostgreSQL 15.8".
    pub product: String,
    /// Whether it is one that this program is made for.
    pub is_supported: bool,
    /// Whether a commit is on the disk before it returns.
    pub is_synced: bool,
    /// The first thing that this user may not do, with the server's words.
    pub refused: Option<String>,
}

/// MySQL 8.0.21, MariaDB 10.6, PostgreSQL 13: what the statements need.
const MYSQL_MIN: (u32, u32) = (8, 0);
const MARIADB_MIN: (u32, u32) = (10, 6);
const POSTGRES_MIN: (u32, u32) = (13, 0);

/// What a service and its migrations do, on a table that is gone afterwards.
const RIGHTS: [(&str, &str); 8] = [
    ("make tables", "CREATE TABLE store_rights (id BIGINT NOT NULL PRIMARY KEY, a BIGINT NOT NULL)"),
    ("change tables", "ALTER TABLE store_rights ADD COLUMN b BIGINT NOT NULL DEFAULT 0"),
    ("make indexes", "CREATE INDEX store_rights_a ON store_rights (a)"),
    ("insert", "INSERT INTO store_rights (id, a) VALUES (1, 1)"),
    ("update", "UPDATE store_rights SET a = 2 WHERE id = 1"),
    ("read", "SELECT id FROM store_rights WHERE a = 2"),
    ("delete", "DELETE FROM store_rights WHERE id = 1"),
    ("drop tables", "DROP TABLE store_rights"),
];

impl Store {
    pub(super) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let sql = match self.backend.dialect {
            Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
            Dialect::MySql | Dialect::MariaDb => {
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
            }
            Dialect::Postgres => {
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?"
            }
        };
        let rows = self.query(sql, args![name]).await?;
        Ok(number(&rows)? > 0)
    }

    /// Makes one of the store's own tables where it is missing. Others may do so at the same time.
    pub(super) async fn make_table(&self, name: &str, create: &str) -> Result<(), StoreError> {
        if self.has_table(name).await? {
            return Ok(());
        }
        let sql = self.backend.dialect.schema(create);
        match self.writer().await?.execute(&sql, &Arguments::Single(&[])).await {
            // PostgreSQL tells of two at once in several ways.
            Err(error) if error.is_unavailable() => Err(error),
            Err(_) if self.has_table(name).await? => Ok(()),
            result => result.map(|_| ()),
        }
    }
}

pub(super) async fn explain(store: &Store, sql: &str, args: &[super::Value]) -> Result<Vec<String>, StoreError> {
    let rows = match store.backend.dialect {
        Dialect::Sqlite => {
            let rows = store.query(&format!("EXPLAIN QUERY PLAN {sql}"), args).await?;
            return rows.iter().map(|row| row.text(3)).collect();
        }
        Dialect::MySql | Dialect::MariaDb => {
            // MySQL always tells of partitions, and has no word for it any more.
            let explain = if store.backend.dialect == Dialect::MySql { "EXPLAIN" } else { "EXPLAIN PARTITIONS" };
            let rows = store.query(&format!("{explain} {sql}"), args).await?;
            return rows.iter().map(|row| mysql_step(row, store.backend.dialect)).collect();
        }
        Dialect::Postgres => {
            let mut tx = store.snapshot().await?;
            // On a small table reading all of it is best; the question is whether there is another way.
            for way in ["seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"] {
                tx.execute(&format!("SET LOCAL enable_{way} = off"), &[]).await?;
            }
            let rows = tx.query(&format!("EXPLAIN (COSTS OFF) {sql}"), args).await?;
            tx.roll_back().await?;
            rows
        }
    };
    rows.iter().map(|row| row.text(0)).collect()
}

/// `orders partitions=m202311 type=ref key=orders_user Using where; Using index`
fn mysql_step(row: &Row, dialect: Dialect) -> Result<String, StoreError> {
    // MySQL tells what is filtered before the rest.
    let extra = if dialect == Dialect::MariaDb { 10 } else { 11 };
    let shown = |column| row.text(column).unwrap_or_else(|_| "-".to_owned());
    let parts = row.text(3).map_or(String::new(), |parts| format!("partitions={parts} "));
    Ok(format!("{} {parts}type={} key={} {}", shown(2), shown(4), shown(6), shown(extra)))
}

pub(super) async fn about(store: &Store) -> Result<About, StoreError> {
    let (sql, name, min) = match store.backend.dialect {
        Dialect::Sqlite => ("SELECT sqlite_version()", "SQLite", (3, 33)),
        Dialect::MySql => ("SELECT VERSION()", "MySQL", MYSQL_MIN),
        Dialect::MariaDb => ("SELECT VERSION()", "MariaDB", MARIADB_MIN),
        Dialect::Postgres => ("SELECT current_setting('server_version')", "PostgreSQL", POSTGRES_MIN),
    };
    let rows = store.query(sql, &[]).await?;
    let text = rows.first().map_or(Ok(String::new()), |row| row.text(0))?;
    let version = text.split(['-', ' ']).next().unwrap_or_default();
    Ok(About {
        product: format!("{name} {version}"),
        is_supported: parsed(version) >= min,
        is_synced: is_synced(store).await?,
        refused: refused(store).await?,
    })
}

/// PostgreSQL is told with each session, and SQLite by whoever opens it.
pub(super) async fn is_synced(store: &Store) -> Result<bool, StoreError> {
    if !store.backend.dialect.is_mysql() {
        return Ok(true);
    }
    Ok(number(&store.query("SELECT @@innodb_flush_log_at_trx_commit", &[]).await?)? == 1)
}

/// "10.11.6" as (10, 11).
fn parsed(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Tries what services do, and leaves nothing behind.
async fn refused(store: &Store) -> Result<Option<String>, StoreError> {
    let dialect = store.backend.dialect;
    let nothing = Arguments::Single(&[]);
    let mut connection = store.writer().await?;
    if !dialect.is_mysql() {
        connection.execute(dialect.begin(), &nothing).await?;
    } else if connection.execute("DROP TABLE IF EXISTS store_rights", &nothing).await.is_err() {
        // Of one that was cut off. Who may not do it is told below what he may not.
        connection.mend();
    }
    for (what, sql) in RIGHTS {
        if let Err(error) = connection.execute(&dialect.schema(sql), &nothing).await {
            if error.is_unavailable() {
                return Err(error);
            }
            return Ok(Some(format!("may not {what}: {error}")));
        }
    }
    if !dialect.is_mysql() {
        connection.execute("ROLLBACK", &nothing).await?;
    }
    Ok(None)
}

fn number(rows: &[Row]) -> Result<i64, StoreError> {
    rows.first().map_or(Ok(0), |row| row.int(0))
}
