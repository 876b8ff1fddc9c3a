//! What waits for a code that went out by mail: registrations and password resets.

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::store::{Row, StoreError, Tx};

use super::time;
use crate::userserver::secrets::random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Purpose {
    Register = 0,
    Reset = 1,
}

/// A code, by the fingerprint of the token that its requester holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    pub email: String,
    /// Keyed hash of the code.
    pub mark: String,
    /// A registration's.
    pub password: String,
    pub referred_by: UserId,
    pub attempts: u32,
    pub expires_at: Timestamp,
}

pub async fn insert(tx: &mut Tx, purpose: Purpose, token: &str, pending: &Pending) -> Result<(), StoreError> {
    let sql = "INSERT INTO userserver_codes (fingerprint, purpose, email, mark, password, referred_by, attempts, expires_us) \
        VALUES (?, ?, ?, ?, ?, ?, 0, ?)";
    let Pending { email, mark, password, referred_by, expires_at, .. } = pending.clone();
    let fingerprint = random::fingerprint(token);
    tx.execute(sql, args![fingerprint, purpose as u8, email, mark, password, referred_by, expires_at]).await.map(|_| ())
}

pub async fn by_token(tx: &mut Tx, purpose: Purpose, token: &str) -> Result<Option<Pending>, StoreError> {
    let sql = "SELECT email, mark, password, referred_by, attempts, expires_us FROM userserver_codes \
        WHERE fingerprint = ? AND purpose = ?";
    let pending = |row: &Row| {
        Ok(Pending {
            email: row.text(0)?,
            mark: row.text(1)?,
            password: row.text(2)?,
            referred_by: UserId(row.unsigned(3)?),
            attempts: row.small(4)?,
            expires_at: time(row, 5)?,
        })
    };
    let rows = tx.query(sql, args![random::fingerprint(token), purpose as u8]).await?;
    rows.first().map(pending).transpose()
}

pub async fn count_attempt(tx: &mut Tx, token: &str) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_codes SET attempts = attempts + 1 WHERE fingerprint = ?";
    tx.execute(sql, args![random::fingerprint(token)]).await.map(|_| ())
}

/// A mail address is done with: no other code for it counts any more.
pub async fn delete_of(tx: &mut Tx, purpose: Purpose, email: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM userserver_codes WHERE email = ? AND purpose = ?";
    tx.execute(sql, args![email, purpose as u8]).await.map(|_| ())
}

pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("DELETE FROM userserver_codes WHERE expires_us <= ?", args![now]).await.map(|_| ())
}
