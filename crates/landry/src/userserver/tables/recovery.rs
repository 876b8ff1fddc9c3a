//! Recovery codes: keyed hashes, each gone once it was used.

use allin_core::ids::UserId;
use allin_runtime::args;
use allin_runtime::store::{Rows, StoreError, Tx};

/// Replaces all of a user's.
pub async fn replace(tx: &mut Tx, user: UserId, marks: &[String]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM userserver_recovery_codes WHERE user_id = ?", args![user]).await?;
    let mut rows = Rows::new("userserver_recovery_codes", &["user_id", "mark"]);
    marks.iter().for_each(|mark| rows.push([user.into(), mark.as_str().into()]));
    tx.insert(&rows).await
}

/// Whether it was there; it is not any more.
pub async fn spend(tx: &mut Tx, user: UserId, mark: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM userserver_recovery_codes WHERE user_id = ? AND mark = ?";
    tx.execute(sql, args![user, mark]).await.map(|deleted| deleted == 1)
}

pub async fn count(tx: &mut Tx, user: UserId) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM userserver_recovery_codes WHERE user_id = ?";
    tx.query(sql, args![user]).await?.first().map_or(Ok(0), |row| row.unsigned(0))
}
