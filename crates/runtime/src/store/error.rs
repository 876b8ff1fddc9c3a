//! Why the store did not do what it was asked.

use std::fmt;

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
    /// A statement, an argument or a type is wrong: our own mistake.
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

    /// What a caller can do about it.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        self.kind == StoreErrorKind::Unavailable
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
    match error {
        sqlx::Error::Database(database) if database.is_unique_violation() => StoreErrorKind::Duplicate,
        sqlx::Error::Database(database) => {
            database.code().and_then(|code| code.parse::<u32>().ok()).map_or(StoreErrorKind::Invalid, classify_sqlite)
        }
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreErrorKind::Unavailable
        }
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
