//! Transactions.

use super::connection::Connection;
use super::copy;
use super::dialect::Dialect;
use super::error::StoreError;
use super::rows::{self, Arguments, Rows, Updates};
use super::value::{Row, Value};

/// A transaction. Dropped without [`commit`](Tx::commit) it never happened.
pub struct Tx {
    /// None once it has ended.
    connection: Option<Connection>,
}

impl Tx {
    /// On a connection that is outside of a transaction.
    pub(super) async fn begin(connection: Connection, words: &str) -> Result<Tx, StoreError> {
        let mut tx = Tx { connection: Some(connection) };
        tx.run(words, &Arguments::Single(&[])).await?;
        Ok(tx)
    }

    /// Runs a statement; gives the number of rows it changed.
    pub async fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, StoreError> {
        self.run(sql, &Arguments::Single(args)).await
    }

    pub async fn query(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.connection().query(sql, args).await
    }

    /// Inserts all rows, in few statements.
    pub async fn insert(&mut self, rows: &Rows) -> Result<(), StoreError> {
        let dialect = self.connection().dialect;
        let copies = dialect == Dialect::Postgres && rows.len() >= copy::ROWS_MIN;
        for chunk in rows::chunks(dialect, rows, false) {
            if copies {
                self.connection().copy(rows, chunk).await?;
                continue;
            }
            let (sql, arguments) = rows::insert(dialect, rows, chunk);
            self.run(&sql, &arguments).await?;
        }
        Ok(())
    }

    /// Updates all rows, in few statements; gives the number of rows that were there.
    pub async fn update(&mut self, updates: &Updates) -> Result<u64, StoreError> {
        let dialect = self.connection().dialect;
        let mut changed = 0;
        for chunk in rows::chunks(dialect, &updates.rows, true) {
            let (sql, arguments) = rows::update(dialect, updates, chunk)?;
            changed += self.run(&sql, &arguments).await?;
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
            found.extend(self.query(&sql, &padded).await?);
        }
        Ok(found)
    }

    /// When it fails because the server has gone, it may have happened or not: look at what is stored.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT", &Arguments::Single(&[])).await?;
        self.connection = None;
        Ok(())
    }

    /// Statements that follow may take as long as they take.
    pub(super) fn take_time(&mut self) {
        self.connection().take_time();
    }

    /// Ends it without a change, and keeps its connection for the next.
    pub(super) async fn roll_back(mut self) -> Result<(), StoreError> {
        self.run("ROLLBACK", &Arguments::Single(&[])).await?;
        self.connection = None;
        Ok(())
    }

    async fn run(&mut self, sql: &str, arguments: &Arguments<'_>) -> Result<u64, StoreError> {
        self.connection().execute(sql, arguments).await
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("there until the end")
    }
}

impl Drop for Tx {
    /// A connection whose transaction did not end well is closed, never used again: after some errors a database has rolled
    /// back by itself and after others it has not. To a server, connecting costs more than rolling back what is well.
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if connection.is_well() && connection.dialect != Dialect::Sqlite => {
                runtime.spawn(async move {
                    // Where it fails, the connection is closed.
                    let _ = connection.execute("ROLLBACK", &Arguments::Single(&[])).await;
                });
            }
            _ => connection.close_on_drop(),
        }
    }
}
