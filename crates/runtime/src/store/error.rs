//! Why the store did not do what it was asked.

use std::fmt;

use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;

/// What a caller can do about an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreErrorKind {
    /// The database is away, locked or full: the same call may succeed later.
    Unavailable,
    /// A row with this key is there already.
    Duplicate,
    /// What is stored is not what the program stored: damaged, or changed by another program.
    Corrupt,
    /// The schema cannot be brought to what the program needs.
    Migration,
    /// A statement, an argument, a type or a right is wrong: a mistake of ours, or of the settings.
    Invalid,
}

/// An error of the store, with what was being done.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    context: String,
    source: Option<sqlx::Error>,
}

impl StoreError {
    pub(super) fn new(kind: StoreErrorKind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// For data that a service finds in its own tables and cannot understand.
    pub fn corrupt(context: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Corrupt, context)
    }

    pub(super) fn from_sqlx(context: impl Into<String>, source: sqlx::Error) -> Self {
        Self { kind: classify(&source), context: context.into(), source: Some(source) }
    }

    /// The server has not answered in time; what was asked may be done all the same.
    pub(super) fn timed_out(context: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Unavailable, format!("{}: no answer in time", context.into()))
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        self.kind == StoreErrorKind::Unavailable
    }

    /// MySQL's number, where it is a server's answer.
    pub(super) fn mysql_number(&self) -> Option<u16> {
        let Some(sqlx::Error::Database(error)) = &self.source else { return None };
        error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
    }

    /// Whether a table was given other parts between the moment that a transaction sees and its question: begun again, it sees them.
    pub fn is_outdated(&self) -> bool {
        const MYSQL_TABLE_DEF_CHANGED: u16 = 1412;
        self.mysql_number() == Some(MYSQL_TABLE_DEF_CHANGED)
    }

    /// Whether a statement names a table that is not there.
    pub(super) fn is_missing_table(&self) -> bool {
        const MYSQL_NO_SUCH_TABLE: u16 = 1146;
        const POSTGRES_UNDEFINED_TABLE: &str = "42P01";
        let Some(sqlx::Error::Database(error)) = &self.source else { return false };
        self.mysql_number() == Some(MYSQL_NO_SUCH_TABLE) || error.code().as_deref() == Some(POSTGRES_UNDEFINED_TABLE)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.context),
            None => f.write_str(&self.context),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}

fn classify(error: &sqlx::Error) -> StoreErrorKind {
    use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    match error {
        Database(database) if database.is_unique_violation() => StoreErrorKind::Duplicate,
        Database(database) => {
            if let Some(error) = database.try_downcast_ref::<MySqlDatabaseError>() {
                return classify_mysql(error.number());
            }
            let code = database.code().unwrap_or_default();
            match database.try_downcast_ref::<PgDatabaseError>() {
                Some(_) => classify_postgres(&code),
                None => code.parse().map_or(StoreErrorKind::Invalid, classify_sqlite),
            }
        }
        // A connection that breaks in the middle of an answer is told as a protocol error.
        Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Invalid,
    }
}

/// By primary result code (sqlite.org/rescode.html); the upper bytes only say more about it.
fn classify_sqlite(code: u32) -> StoreErrorKind {
    const NO_MEMORY: u32 = 7;
    match code & 0xff {
        // BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL
        5 | 6 | NO_MEMORY | 8 | 10 | 13 | 14 | 15 => StoreErrorKind::Unavailable,
        // CORRUPT, NOTADB
        11 | 26 => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Invalid,
    }
}

/// By the number of the error, which MySQL and MariaDB share.
fn classify_mysql(number: u16) -> StoreErrorKind {
    match number {
        // Disk full, errors of files, table full, out of memory, too many connections, of a user too.
        1021 | 1026 | 1030 | 1037 | 1038 | 1041 | 1114 | 1040 | 1203 | 1226
        // Shuts down, aborted, network, killed, out of time.
        | 1053 | 1077 | 1078 | 1079 | 1152..=1161 | 1184 | 1317 | 1927 | 1969 | 3024 | 4031
        // Lock wait, deadlock, and a server that has become a replica.
        | 1205 | 1213 | 1290 | 1836
        // The table was defined anew since the transaction began.
        | 1412 => StoreErrorKind::Unavailable,
        // Damaged files, tables and indexes.
        126 | 127 | 144 | 145 | 1034 | 1035 | 1194 | 1195 | 1712 | 1877 => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Invalid,
    }
}

/// By SQLSTATE: a class of two characters, and three that say more.
fn classify_postgres(code: &str) -> StoreErrorKind {
    match code {
        // Serialisation, deadlock, lock not available, query cancelled, a server that has become a stand-by.
        "40001" | "40P01" | "55P03" | "57014" | "25006" | "25P03" => StoreErrorKind::Unavailable,
        // Data and index corrupted.
        "XX001" | "XX002" => StoreErrorKind::Corrupt,
        // Connection, resources (disk, memory, connections), operator's intervention, system error.
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Invalid,
    }
}
