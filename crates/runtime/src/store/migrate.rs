//! Versions of a service's tables.

use std::time::{SystemTime, UNIX_EPOCH};

use super::connection::Connection;
use super::dialect::is_definition;
use super::error::{StoreError, StoreErrorKind};
use super::parts::Partition;
use super::rows::Arguments;
use super::value::{Row, Value};
use super::{Position, Store, Tx};
use crate::args;

/// One step of a schema. Statements are portable SQL but for two marks, and one statement (`PARTITION`, in `parts.rs`) of our own:
/// - `{id}`: type of a single 64-bit primary key (`INTEGER` on SQLite, where only that makes it the row's own key);
/// - `{clustered}`: after the closing bracket of a table whose rows are to be kept in the order of their primary key.
///
/// A VARCHAR of more than 768 characters holds ASCII only. Statements begin with their word in capitals. A migration that was
/// released never changes; a new one follows it.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Dense from 1.
    pub version: u32,
    pub statements: &'static [&'static str],
}

/// All that a service keeps in its database.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The name of its migrations.
    pub namespace: &'static str,
    pub migrations: &'static [Migration],
    /// The consumer whose position is kept beside.
    pub consumer: Option<&'static str>,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (\
    namespace VARCHAR(64) NOT NULL, version BIGINT NOT NULL, checksum BIGINT NOT NULL, applied_us BIGINT NOT NULL, \
    PRIMARY KEY (namespace, version))";

/// How many statements of a migration were begun, where it is no transaction.
const CREATE_STEPS: &str = "CREATE TABLE IF NOT EXISTS schema_steps (\
    namespace VARCHAR(64) NOT NULL PRIMARY KEY, version BIGINT NOT NULL, step BIGINT NOT NULL)";

const SELECT: &str = "SELECT version, checksum FROM schema_migrations WHERE namespace = ? ORDER BY version";

impl Schema {
    /// Brings the tables to the newest version; gives the versions that were applied now.
    pub async fn apply(&self, store: &Store) -> Result<Vec<u32>, StoreError> {
        // First, for a migration may send the consumer back to the beginning.
        if let Some(consumer) = self.consumer {
            Position::new(consumer).create(store).await?;
        }
        migrate(store, self.namespace, self.migrations).await
    }

    /// Versions that [`Schema::apply`] would apply. Writes nothing.
    pub async fn missing(&self, store: &Store) -> Result<Vec<u32>, StoreError> {
        check(self.namespace, self.migrations)?;
        let mut missing = versions(pending(store, self.namespace, self.migrations).await?);
        if let (Some(consumer), [first, ..]) = (self.consumer, self.migrations)
            && missing.is_empty()
            && !Position::new(consumer).exists(store).await?
        {
            missing.push(first.version);
        }
        Ok(missing)
    }

    /// The newest version.
    pub fn newest(&self) -> u32 {
        self.migrations.last().map_or(0, |migration| migration.version)
    }
}

/// Gives the versions that were applied now.
pub(super) async fn migrate(store: &Store, namespace: &str, migrations: &[Migration]) -> Result<Vec<u32>, StoreError> {
    check(namespace, migrations)?;
    if pending(store, namespace, migrations).await?.is_empty() {
        return Ok(Vec::new());
    }
    store.make_table("schema_migrations", CREATE).await?;
    if store.backend.dialect.is_mysql() {
        return by_steps(store, namespace, migrations).await;
    }
    // Each migration and the note that it was applied are one transaction.
    let mut tx = store.begin().await?;
    tx.take_time();
    let rows = tx.query(SELECT, args![namespace]).await?;
    let pending = after(namespace, migrations, &rows)?;
    for migration in pending {
        for statement in migration.statements {
            match Partition::parse(statement) {
                None => {
                    tx.execute(&store.backend.dialect.schema(statement), &[]).await?;
                }
                Some(partition) if store.has_parts() => partition.on_postgres(&mut tx).await?,
                Some(_) => {}
            }
        }
        note(&mut tx, namespace, migration).await?;
    }
    tx.commit().await?;
    Ok(versions(pending))
}

async fn note(tx: &mut Tx, namespace: &str, migration: &Migration) -> Result<(), StoreError> {
    tx.execute(NOTE, &noted(namespace, migration)).await.map(|_| ())
}

const NOTE: &str = "INSERT INTO schema_migrations (namespace, version, checksum, applied_us) VALUES (?, ?, ?, ?)";

fn noted(namespace: &str, migration: &Migration) -> [Value; 4] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    [namespace.into(), migration.version.into(), sum(migration).into(), now_us.into()]
}

/// What the database lacks.
async fn pending<'a>(
    store: &Store,
    namespace: &str,
    migrations: &'a [Migration],
) -> Result<&'a [Migration], StoreError> {
    if !store.has_table("schema_migrations").await? {
        return Ok(migrations);
    }
    after(namespace, migrations, &store.query(SELECT, args![namespace]).await?)
}

/// The migrations after those that are noted.
fn after<'a>(namespace: &str, migrations: &'a [Migration], rows: &[Row]) -> Result<&'a [Migration], StoreError> {
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
    Ok(&migrations[rows.len()..])
}

/// MySQL commits with every definition, so a migration that is cut off stays half done. It is noted which statement was
/// begun; the next try goes on there, and takes it for done when its outcome is there already.
async fn by_steps(store: &Store, namespace: &str, migrations: &[Migration]) -> Result<Vec<u32>, StoreError> {
    store.make_table("schema_steps", CREATE_STEPS).await?;
    let mut connection = store.writer().await?;
    connection.take_time();
    let wait_s = store.backend.options.busy_timeout.as_secs().max(1);
    // Definitions end transactions and their locks; this one is the session's.
    let lock = connection.query("SELECT GET_LOCK(CONCAT('allin ', MD5(DATABASE())), ?)", args![wait_s]).await?;
    if lock.first().map(|row| row.int_or_none(0)).transpose()?.flatten() != Some(1) {
        let told = format!("{namespace}: somebody else migrates");
        return Err(StoreError::new(StoreErrorKind::Unavailable, told));
    }
    let rows = connection.query(SELECT, args![namespace]).await?;
    let pending = after(namespace, migrations, &rows)?;
    for migration in pending {
        step_through(store, &mut connection, namespace, migration).await?;
    }
    connection.query("SELECT RELEASE_LOCK(CONCAT('allin ', MD5(DATABASE())))", &[]).await?;
    Ok(versions(pending))
}

async fn step_through(
    store: &Store,
    connection: &mut Connection,
    namespace: &str,
    migration: &Migration,
) -> Result<(), StoreError> {
    let sql = "SELECT step FROM schema_steps WHERE namespace = ? AND version = ?";
    let rows = connection.query(sql, args![namespace, migration.version]).await?;
    let begun = rows.first().map_or(Ok(0), |row| row.small::<usize>(0))?;
    for (step, statement) in (1..).zip(migration.statements) {
        let text = store.backend.dialect.schema(statement);
        if !is_definition(statement) {
            // With its note in one transaction: what is noted is done.
            if step > begun {
                connection.execute("START TRANSACTION", &Arguments::Single(&[])).await?;
                note_step(connection, namespace, migration, step).await?;
                connection.execute(&text, &Arguments::Single(&[])).await?;
                connection.execute("COMMIT", &Arguments::Single(&[])).await?;
            }
            continue;
        }
        if step < begun {
            continue;
        }
        if step > begun {
            note_step(connection, namespace, migration, step).await?;
        }
        if let Some(partition) = Partition::parse(statement) {
            partition.on_mysql(connection).await?;
            continue;
        }
        match connection.execute(&text, &Arguments::Single(&[])).await {
            Err(error) if step == begun && is_done(statement, &error) => connection.mend(),
            result => drop(result?),
        }
    }
    connection.execute("START TRANSACTION", &Arguments::Single(&[])).await?;
    connection.execute(NOTE, &Arguments::Single(&noted(namespace, migration))).await?;
    let sql = "DELETE FROM schema_steps WHERE namespace = ?";
    connection.execute(sql, &Arguments::Single(args![namespace])).await?;
    connection.execute("COMMIT", &Arguments::Single(&[])).await.map(|_| ())
}

async fn note_step(
    connection: &mut Connection,
    namespace: &str,
    migration: &Migration,
    step: usize,
) -> Result<(), StoreError> {
    let sql = "REPLACE INTO schema_steps (namespace, version, step) VALUES (?, ?, ?)";
    let values = args![namespace, migration.version, step as u64];
    connection.execute(sql, &Arguments::Single(values)).await.map(|_| ())
}

/// Whether MySQL says that a definition's outcome is there: table, column, key; or that what it takes away is gone.
fn is_done(statement: &str, error: &StoreError) -> bool {
    const NO_SUCH_TABLE: u16 = 1146;
    match error.mysql_number() {
        Some(NO_SUCH_TABLE) => statement.starts_with("ALTER TABLE") && statement.contains(" RENAME TO "),
        number => matches!(number, Some(1050 | 1051 | 1060 | 1061 | 1091)),
    }
}

fn check(namespace: &str, migrations: &[Migration]) -> Result<(), StoreError> {
    let dense = migrations.iter().zip(1..).all(|(migration, version)| migration.version == version);
    if dense {
        return Ok(());
    }
    Err(StoreError::new(StoreErrorKind::Migration, format!("{namespace}: versions are not 1, 2, 3 …")))
}

fn versions(migrations: &[Migration]) -> Vec<u32> {
    migrations.iter().map(|migration| migration.version).collect()
}

fn sum(migration: &Migration) -> i64 {
    let sum = migration.statements.iter().fold(0, |sum, statement| crc32c::crc32c_append(sum, statement.as_bytes()));
    i64::from(sum)
}
