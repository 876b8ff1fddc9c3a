//! Versions of a service's tables.

use std::time::{SystemTime, UNIX_EPOCH};

use super::error::{StoreError, StoreErrorKind};
use super::{Store, Tx};
use crate::args;

/// One step of a schema. Statements are portable SQL but for two marks:
/// - `{id}`: type of a single 64-bit primary key (`INTEGER` on SQLite, where only that makes it the row's own key);
/// - `{clustered}`: after the closing bracket of a table whose rows are to be kept in the order of their primary key.
///
/// A migration that was released never changes; a new one follows it.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Dense from 1.
    pub version: u32,
    pub statements: &'static [&'static str],
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (\
    namespace VARCHAR(64) NOT NULL, version BIGINT NOT NULL, checksum BIGINT NOT NULL, applied_us BIGINT NOT NULL, \
    PRIMARY KEY (namespace, version))";

/// Each migration and the note that it was applied are one transaction.
pub(super) async fn migrate(store: &Store, namespace: &str, migrations: &[Migration]) -> Result<(), StoreError> {
    check(namespace, migrations)?;
    let mut tx = store.begin().await?;
    tx.execute(CREATE, &[]).await?;
    let rows = tx
        .query("SELECT version, checksum FROM schema_migrations WHERE namespace = ? ORDER BY version", args![namespace])
        .await?;
    for (index, row) in rows.iter().enumerate() {
        let (version, checksum) = (row.int(0)?, row.int(1)?);
        let refuse = |why: &str| {
            Err(StoreError::new(
                StoreErrorKind::Migration,
                format!("{namespace}: migration {version} of the database {why}"),
            ))
        };
        match migrations.get(index) {
            None => return refuse("is newer than this program"),
            Some(known) if i64::from(known.version) != version => return refuse("is not where it belongs"),
            Some(known) if sum(known) != checksum => return refuse("differs from this program's"),
            Some(_) => {}
        }
    }
    for migration in &migrations[rows.len()..] {
        apply(&mut tx, namespace, migration).await?;
    }
    tx.commit().await
}

async fn apply(tx: &mut Tx, namespace: &str, migration: &Migration) -> Result<(), StoreError> {
    for statement in migration.statements {
        let text = expand(statement);
        tx.execute(&text, &[]).await?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    tx.execute(
        "INSERT INTO schema_migrations (namespace, version, checksum, applied_us) VALUES (?, ?, ?, ?)",
        args![namespace, migration.version, sum(migration), now_us],
    )
    .await?;
    Ok(())
}

fn check(namespace: &str, migrations: &[Migration]) -> Result<(), StoreError> {
    let dense = migrations.iter().zip(1..).all(|(migration, version)| migration.version == version);
    if dense {
        return Ok(());
    }
    Err(StoreError::new(StoreErrorKind::Migration, format!("{namespace}: versions are not 1, 2, 3 …")))
}

fn expand(statement: &str) -> String {
    statement.replace("{id}", "INTEGER").replace("{clustered}", "WITHOUT ROWID")
}

fn sum(migration: &Migration) -> i64 {
    let sum = migration.statements.iter().fold(0, |sum, statement| crc32c::crc32c_append(sum, statement.as_bytes()));
    i64::from(sum)
}
