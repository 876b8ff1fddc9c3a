//! Who is logged in, on which device.

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::store::{Row, StoreError, Tx};

use super::time;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    pub session: String,
    pub user: UserId,
    pub device: String,
    pub agent: String,
    pub address: String,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
}

const COLUMNS: &str = "session_id, user_id, device, agent, address, created_us, seen_us, expires_us";

pub async fn insert(tx: &mut Tx, row: &SessionRow, fingerprint: &str) -> Result<(), StoreError> {
    let r = row.clone();
    let sql = format!("INSERT INTO userserver_sessions ({COLUMNS}, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let values =
        args![r.session, r.user, r.device, r.agent, r.address, r.created_at, r.seen_at, r.expires_at, fingerprint];
    tx.execute(&sql, values).await.map(|_| ())
}

fn session(row: &Row) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        session: row.text(0)?,
        user: UserId(row.unsigned(1)?),
        device: row.text(2)?,
        agent: row.text(3)?,
        address: row.text(4)?,
        created_at: time(row, 5)?,
        seen_at: time(row, 6)?,
        expires_at: time(row, 7)?,
    })
}

pub async fn by_fingerprint(tx: &mut Tx, fingerprint: &str) -> Result<Option<SessionRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM userserver_sessions WHERE fingerprint = ?");
    tx.query(&sql, args![fingerprint]).await?.first().map(session).transpose()
}

/// Newest first.
pub async fn of_user(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM userserver_sessions WHERE user_id = ? AND expires_us > ? ORDER BY created_us DESC, session_id"
    );
    tx.query(&sql, args![user, now]).await?.iter().map(session).collect()
}

/// It was used.
pub async fn touch(tx: &mut Tx, session: &str, seen: Timestamp, expires: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_sessions SET seen_us = ?, expires_us = ? WHERE session_id = ?";
    tx.execute(sql, args![seen, expires, session]).await.map(|_| ())
}

/// Whether the user had it.
pub async fn delete(tx: &mut Tx, user: UserId, session: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM userserver_sessions WHERE user_id = ? AND session_id = ?";
    tx.execute(sql, args![user, session]).await.map(|deleted| deleted > 0)
}

/// All of a user's but one; an empty name keeps none.
pub async fn delete_others(tx: &mut Tx, user: UserId, keep: &str) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM userserver_sessions WHERE user_id = ? AND session_id <> ?", args![user, keep]).await
}

pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("DELETE FROM userserver_sessions WHERE expires_us <= ?", args![now]).await.map(|_| ())
}
