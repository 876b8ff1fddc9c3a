//! A connection to any of the databases, and what is said on it.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Database, Encode, MySql, Postgres, Sqlite, Type};

use super::copy;
use super::dialect::Dialect;
use super::error::{StoreError, StoreErrorKind};
use super::nul;
use super::rows::{Arguments, Rows};
use super::value::{Inner, Row, Value};

/// A connection of a pool. One that was left in the middle of a statement, or whose last statement failed, is closed when it
/// is dropped, and never used again.
pub(super) struct Connection {
    pub(super) dialect: Dialect,
    /// The longest that a statement may take; none for ever.
    statement_timeout: Option<Duration>,
    driver: Driver,
    is_well: bool,
}

pub(super) enum Driver {
    Sqlite(PoolConnection<Sqlite>),
    MySql(PoolConnection<MySql>),
    Postgres(PoolConnection<Postgres>),
}

impl Connection {
    pub(super) fn new(dialect: Dialect, statement_timeout: Option<Duration>, driver: Driver) -> Connection {
        Connection { dialect, statement_timeout, driver, is_well: true }
    }

    /// Runs a statement with `?` for its arguments; gives the number of rows it changed (found, where it is an update).
    pub(super) async fn execute(&mut self, sql: &str, arguments: &Arguments<'_>) -> Result<u64, StoreError> {
        let text = self.dialect.text(sql);
        self.is_well = false;
        let run = async {
            match &mut self.driver {
                Driver::Sqlite(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(&*text), bind::<Sqlite, _>(arguments)?);
                    query.execute(&mut **connection).await.map(|done| done.rows_affected())
                }
                Driver::MySql(connection) => {
                    let done = if arguments.is_empty() {
                        // Not everything can be prepared.
                        sqlx::raw_sql(AssertSqlSafe(&*text)).execute(&mut **connection).await
                    } else {
                        let query = sqlx::query_with(AssertSqlSafe(&*text), bind::<MySql, _>(arguments)?);
                        query.execute(&mut **connection).await
                    };
                    done.map(|done| done.rows_affected())
                }
                Driver::Postgres(connection) => {
                    let done = if arguments.is_empty() {
                        sqlx::raw_sql(AssertSqlSafe(&*text)).execute(&mut **connection).await
                    } else {
                        let query = sqlx::query_with(AssertSqlSafe(&*text), bind_postgres(arguments)?);
                        query.execute(&mut **connection).await
                    };
                    done.map(|done| done.rows_affected())
                }
            }
            .map_err(|error| StoreError::from_sqlx(abridged(sql), error))
        };
        let changed = in_time(self.statement_timeout, sql, run).await?;
        self.is_well = true;
        Ok(changed)
    }

    pub(super) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let text = self.dialect.text(sql);
        let arguments = Arguments::Single(values);
        self.is_well = false;
        let fetch = async {
            match &mut self.driver {
                Driver::Sqlite(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(&*text), bind::<Sqlite, _>(&arguments)?);
                    query.fetch_all(&mut **connection).await.map(|rows| wrapped(rows, Inner::Sqlite))
                }
                Driver::MySql(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(&*text), bind::<MySql, _>(&arguments)?);
                    query.fetch_all(&mut **connection).await.map(|rows| wrapped(rows, Inner::MySql))
                }
                Driver::Postgres(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(&*text), bind_postgres(&arguments)?);
                    query.fetch_all(&mut **connection).await.map(|rows| wrapped(rows, Inner::Postgres))
                }
            }
            .map_err(|error| StoreError::from_sqlx(abridged(sql), error))
        };
        let rows = in_time(self.statement_timeout, sql, fetch).await?;
        self.is_well = true;
        Ok(rows)
    }

    /// Inserts a chunk of rows by `COPY`; PostgreSQL's alone.
    pub(super) async fn copy(&mut self, rows: &Rows, chunk: &[Value]) -> Result<(), StoreError> {
        let Driver::Postgres(connection) = &mut self.driver else {
            unreachable!("asked of PostgreSQL only");
        };
        let (sql, columns) = (copy::statement(rows), rows.columns.len());
        self.is_well = false;
        let run = async {
            let mut copying = connection.copy_in_raw(&sql).await?;
            copying.send(copy::lines(chunk, columns).as_bytes()).await?;
            copying.finish().await
        };
        let run = async { run.await.map_err(|error| StoreError::from_sqlx(abridged(&sql), error)) };
        let copied = in_time(self.statement_timeout, &sql, run).await?;
        self.is_well = true;
        if copied as usize * columns == chunk.len() {
            return Ok(());
        }
        Err(StoreError::corrupt(format!("{}: {copied} rows of {} were taken", rows.table, chunk.len() / columns)))
    }

    /// Whether all that was begun on it has ended well.
    pub(super) fn is_well(&self) -> bool {
        self.is_well
    }

    /// Statements that follow may take as long as they take: a migration goes over all rows of a table.
    pub(super) fn take_time(&mut self) {
        self.statement_timeout = None;
    }

    /// The last statement failed in a way that was reckoned with.
    pub(super) fn mend(&mut self) {
        self.is_well = true;
    }

    /// Not to be used again.
    pub(super) fn close_on_drop(&mut self) {
        self.is_well = false;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_well {
            return;
        }
        match &mut self.driver {
            Driver::Sqlite(connection) => connection.close_on_drop(),
            Driver::MySql(connection) => connection.close_on_drop(),
            Driver::Postgres(connection) => connection.close_on_drop(),
        }
    }
}

impl Arguments<'_> {
    fn is_empty(&self) -> bool {
        matches!(self, Arguments::Single([]))
    }

    /// One by one; arrays are PostgreSQL's alone.
    fn values(&self) -> &[Value] {
        match self {
            Arguments::Single(values) => values,
            Arguments::Owned(values) => values,
            Arguments::Columns { .. } => &[],
        }
    }
}

fn wrapped<R>(rows: Vec<R>, inner: impl Fn(R) -> Inner) -> Vec<Row> {
    rows.into_iter().map(|row| Row { inner: inner(row) }).collect()
}

async fn in_time<T>(
    limit: Option<Duration>,
    sql: &str,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match limit {
        None => work.await,
        Some(limit) => {
            tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(StoreError::timed_out(abridged(sql))))
        }
    }
}

fn bind<'q, DB, A>(arguments: &Arguments<'_>) -> Result<A, StoreError>
where
    DB: Database<Arguments = A>,
    A: sqlx::Arguments<Database = DB> + Default,
    i64: Encode<'q, DB> + Type<DB>,
    std::sync::Arc<str>: Encode<'q, DB> + Type<DB>,
{
    let values = arguments.values();
    let mut bound = A::default();
    bound.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Int(int) => bound.add(*int),
            Value::Text(text) => bound.add(text.clone()),
        };
        added.map_err(refused)?;
    }
    Ok(bound)
}

fn bind_postgres(arguments: &Arguments<'_>) -> Result<PgArguments, StoreError> {
    let mut bound = PgArguments::default();
    let Arguments::Columns { values, columns } = arguments else {
        for value in arguments.values() {
            let added = match value {
                Value::Int(int) => bound.add(*int),
                Value::Text(text) => bound.add(&*nul::escaped(text)),
            };
            added.map_err(refused)?;
        }
        return Ok(bound);
    };
    for column in 0..*columns {
        let values = values.iter().skip(column).step_by(*columns);
        let added = match values.clone().next() {
            Some(Value::Int(_)) => bound.add(values.map(as_int).collect::<Result<Vec<i64>, _>>()?),
            _ => bound.add(values.map(as_text).collect::<Result<Vec<Cow<'_, str>>, _>>()?),
        };
        added.map_err(refused)?;
    }
    Ok(bound)
}

fn as_int(value: &Value) -> Result<i64, StoreError> {
    match value {
        Value::Int(int) => Ok(*int),
        Value::Text(_) => Err(refused("a text among numbers")),
    }
}

fn as_text(value: &Value) -> Result<Cow<'_, str>, StoreError> {
    match value {
        Value::Text(text) => Ok(nul::escaped(text)),
        Value::Int(_) => Err(refused("a number among texts")),
    }
}

fn refused(error: impl std::fmt::Display) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, format!("argument: {error}"))
}

/// A batch's text goes to thousands of characters.
fn abridged(sql: &str) -> &str {
    const SHOWN: usize = 120;
    sql.get(..SHOWN).unwrap_or(sql)
}
