//! MySQL, MariaDB and PostgreSQL: pools that find their server again, and the settings of a session.
//!
//! A commit is on the server's disk before it returns, if the server is set so: PostgreSQL is told with each session, MySQL
//! has `innodb_flush_log_at_trx_commit` for all (`allin doctor` looks).

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, MySql, MySqlConnection, PgConnection, Postgres};

use super::dialect::Dialect;
use super::error::{StoreError, StoreErrorKind};
use super::pools::{Pair, STATEMENTS_MAX};
use super::url::Options;

/// Connections that read at once.
const READERS_MAX: u32 = 8;
/// A session that says nothing for so long in the middle of a transaction is ended by the server, and with it its locks: its
/// process hangs, or is away without having said so.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// A connection that was not used for so long is given back; below the server's own patience.
const UNUSED_MAX: Duration = Duration::from_secs(30);

pub(super) async fn open_mysql(
    target: &str,
    limits: &Options,
    context: &str,
) -> Result<(Pair<MySql>, Dialect), StoreError> {
    let options = MySqlConnectOptions::from_str(target)
        .map_err(|error| refused(context, &error))?
        .charset("utf8mb4")
        .statement_cache_capacity(STATEMENTS_MAX);
    let session = |isolation: &str| {
        format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT', \
             innodb_lock_wait_timeout = {0}, lock_wait_timeout = {0}, wait_timeout = {1}; \
             SET SESSION TRANSACTION ISOLATION LEVEL {isolation}",
            limits.busy_timeout.as_millis().div_ceil(1000).max(1),
            IDLE_MAX.as_secs(),
        )
    };
    // Writers see what was committed before they got their turn.
    let (writing, reading) = (session("READ COMMITTED"), session("REPEATABLE READ"));
    let version = in_time(limits, context, async {
        let mut first = MySqlConnection::connect_with(&options).await?;
        let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut first).await?;
        // A pool would try again and again what is refused here.
        sqlx::raw_sql(AssertSqlSafe(writing.as_str())).execute(&mut first).await?;
        first.close().await?;
        Ok(version)
    });
    // Which of the two it is decides how text is compared.
    let dialect = if version.await?.contains("MariaDB") { Dialect::MariaDb } else { Dialect::MySql };
    let options = options.collation(dialect.collation());
    let pool = |max, session: String| {
        let session: Arc<str> = session.into();
        MySqlPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(limits.busy_timeout)
            .idle_timeout(UNUSED_MAX)
            .after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move { sqlx::raw_sql(AssertSqlSafe(session)).execute(connection).await.map(|_| ()) })
            })
            .connect_lazy_with(options.clone())
    };
    Ok((Pair { writer: pool(1, writing), readers: pool(READERS_MAX, reading) }, dialect))
}

pub(super) async fn open_postgres(target: &str, limits: &Options, context: &str) -> Result<Pair<Postgres>, StoreError> {
    let options = PgConnectOptions::from_str(target)
        .map_err(|error| refused(context, &error))?
        .application_name(&limits.writer)
        .statement_cache_capacity(STATEMENTS_MAX)
        .options([
            ("lock_timeout", format!("{}ms", limits.busy_timeout.as_millis().max(1))),
            ("idle_in_transaction_session_timeout", format!("{}ms", IDLE_MAX.as_millis())),
            ("synchronous_commit", "on".to_owned()),
            ("client_min_messages", "warning".to_owned()),
            // Every question has its index and ends soon: compiling it would take longer.
            ("jit", "off".to_owned()),
        ]);
    in_time(limits, context, async { PgConnection::connect_with(&options).await?.close().await }).await?;
    let pool = |max, options: PgConnectOptions| {
        PgPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(limits.busy_timeout)
            .idle_timeout(UNUSED_MAX)
            .connect_lazy_with(options)
    };
    // A batch finds each of its rows by its key. Where a table has parts, the planner counts one look into each of them for every
    // row, although it takes one in all, and would rather read the whole table.
    let by_key = options.clone().options([("enable_hashjoin", "off"), ("enable_mergejoin", "off")]);
    Ok(Pair { writer: pool(1, by_key), readers: pool(READERS_MAX, options) })
}

/// The first connection, apart from the pools: its errors say what is wrong.
async fn in_time<T>(
    limits: &Options,
    context: &str,
    connect: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limits.statement_timeout, connect).await {
        Err(_) => Err(StoreError::timed_out(context)),
        Ok(result) => result.map_err(|error| StoreError::from_sqlx(context, error)),
    }
}

/// What a driver says of a URL could repeat it.
fn refused(context: &str, error: &sqlx::Error) -> StoreError {
    let what = match error {
        sqlx::Error::Configuration(_) => "its URL is not understood: encode special characters of user and password",
        _ => "its URL is not understood",
    };
    StoreError::new(StoreErrorKind::Invalid, format!("{context}: {what}"))
}
