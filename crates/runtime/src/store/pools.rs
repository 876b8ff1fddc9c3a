//! The connections of a store: one that writes, so that callers of one process wait for each other in order, and a few that
//! read.

use sqlx::{Database, MySql, Pool, Postgres, Sqlite};

use super::connection::Driver;
use super::error::StoreError;

/// Prepared statements that a connection keeps: every table has some ten for batches.
pub(super) const STATEMENTS_MAX: usize = 256;

pub(super) struct Pair<DB: Database> {
    pub writer: Pool<DB>,
    pub readers: Pool<DB>,
}

pub(super) enum Pools {
    Sqlite(Pair<Sqlite>),
    MySql(Pair<MySql>),
    Postgres(Pair<Postgres>),
}

impl Pools {
    pub(super) async fn writer(&self) -> Result<Driver, StoreError> {
        match self {
            Pools::Sqlite(pair) => pair.writer.acquire().await.map(Driver::Sqlite),
            Pools::MySql(pair) => pair.writer.acquire().await.map(Driver::MySql),
            Pools::Postgres(pair) => pair.writer.acquire().await.map(Driver::Postgres),
        }
        .map_err(failed)
    }

    pub(super) async fn reader(&self) -> Result<Driver, StoreError> {
        match self {
            Pools::Sqlite(pair) => pair.readers.acquire().await.map(Driver::Sqlite),
            Pools::MySql(pair) => pair.readers.acquire().await.map(Driver::MySql),
            Pools::Postgres(pair) => pair.readers.acquire().await.map(Driver::Postgres),
        }
        .map_err(failed)
    }

    pub(super) async fn close(&self) {
        match self {
            Pools::Sqlite(pair) => pair.close().await,
            Pools::MySql(pair) => pair.close().await,
            Pools::Postgres(pair) => pair.close().await,
        }
    }
}

impl<DB: Database> Pair<DB> {
    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    StoreError::from_sqlx("get a connection", error)
}
