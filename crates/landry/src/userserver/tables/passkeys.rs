//! Passkeys: what an authenticator said once (fixed), and what moves with every use.

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::store::{Row, StoreError, Tx};

use super::time;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyRow {
    /// Credential id, base64url.
    pub passkey: String,
    pub user: UserId,
    pub label: String,
    /// Base64.
    pub fixed: String,
    /// Base64.
    pub moving: String,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
}

const COLUMNS: &str = "passkey_id, user_id, label, fixed_state, moving_state, created_us, used_us";

pub async fn insert(tx: &mut Tx, row: &PasskeyRow) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO userserver_passkeys ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)");
    let r = row.clone();
    tx.execute(&sql, args![r.passkey, r.user, r.label, r.fixed, r.moving, r.created_at, r.used_at]).await.map(|_| ())
}

/// Oldest first.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<PasskeyRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM userserver_passkeys WHERE user_id = ? ORDER BY created_us, passkey_id");
    tx.query(&sql, args![user]).await?.iter().map(passkey).collect()
}

pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<PasskeyRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM userserver_passkeys WHERE passkey_id = ?");
    tx.query(&sql, args![id]).await?.first().map(passkey).transpose()
}

fn passkey(row: &Row) -> Result<PasskeyRow, StoreError> {
    Ok(PasskeyRow {
        passkey: row.text(0)?,
        user: UserId(row.unsigned(1)?),
        label: row.text(2)?,
        fixed: row.text(3)?,
        moving: row.text(4)?,
        created_at: time(row, 5)?,
        used_at: time(row, 6)?,
    })
}

pub async fn used(tx: &mut Tx, id: &str, moving: &str, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_passkeys SET moving_state = ?, used_us = ? WHERE passkey_id = ?";
    tx.execute(sql, args![moving, at, id]).await.map(|_| ())
}

/// Whether the user had it.
pub async fn delete(tx: &mut Tx, user: UserId, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM userserver_passkeys WHERE user_id = ? AND passkey_id = ?";
    tx.execute(sql, args![user, id]).await.map(|deleted| deleted > 0)
}
