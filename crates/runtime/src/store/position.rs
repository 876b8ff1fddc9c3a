//! How far a consumer has come, kept with what it made of it.

use allin_core::ids::Seq;

use super::error::{StoreError, StoreErrorKind};
use super::{Store, Tx};
use crate::args;

const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS positions (name VARCHAR(64) NOT NULL PRIMARY KEY, seq BIGINT NOT NULL)";

/// The sequence up to which a consumer's rows are there. Saved in the transaction that writes the rows, it makes
/// consuming exactly-once: what was not committed is read again, what was committed is not.
#[derive(Clone, Debug)]
pub struct Position {
    name: &'static str,
}

impl Position {
    pub fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Makes the table and the row where they are missing. Call it before anything else, next to the migrations.
    pub async fn create(&self, store: &Store) -> Result<(), StoreError> {
        store.make_table("positions", CREATE).await?;
        let mut tx = store.begin().await?;
        if self.find(&mut tx).await?.is_none() {
            tx.execute("INSERT INTO positions (name, seq) VALUES (?, 0)", args![self.name]).await?;
        }
        tx.commit().await
    }

    /// Whether [`Position::create`] has nothing to do.
    pub(super) async fn exists(&self, store: &Store) -> Result<bool, StoreError> {
        if !store.has_table("positions").await? {
            return Ok(false);
        }
        let mut tx = store.snapshot().await?;
        let found = self.find(&mut tx).await?;
        tx.commit().await?;
        Ok(found.is_some())
    }

    /// Up to where the rows are there; 0 before the first. Subscribe from the next one.
    pub async fn load(&self, tx: &mut Tx) -> Result<Seq, StoreError> {
        Ok(self.find(tx).await?.unwrap_or_default())
    }

    /// Moves from one sequence to a later one, and fails when another consumer of the same name has moved meanwhile.
    pub async fn advance(&self, tx: &mut Tx, from: Seq, to: Seq) -> Result<(), StoreError> {
        let moved =
            tx.execute("UPDATE positions SET seq = ? WHERE name = ? AND seq = ?", args![to, self.name, from]).await?;
        if moved == 1 {
            return Ok(());
        }
        Err(StoreError::new(
            StoreErrorKind::Corrupt,
            format!("position of {}: not at {} any more; does another process write here?", self.name, from.0),
        ))
    }

    async fn find(&self, tx: &mut Tx) -> Result<Option<Seq>, StoreError> {
        let rows = tx.query("SELECT seq FROM positions WHERE name = ?", args![self.name]).await?;
        rows.first().map(|row| row.unsigned(0).map(Seq)).transpose()
    }
}
