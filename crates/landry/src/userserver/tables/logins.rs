//! The newest logins of each account, also those that failed.

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::store::{Row, StoreError, Tx};
use serde::Serialize;
use utoipa::ToSchema;

use super::time;

/// Rows kept of each account.
pub const KEPT: u64 = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    Succeeded = 0,
    WrongPassword = 1,
    WrongCode = 2,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum LoginMethod {
    Password = 0,
    Passkey = 1,
    /// The first one, by the code of the registration.
    Registration = 2,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginRow {
    pub at: Timestamp,
    pub outcome: Outcome,
    pub method: LoginMethod,
    pub address: String,
    pub agent: String,
}

/// Also for user 0, who stands for accounts that do not exist: so that a failed login costs the same.
pub async fn insert(tx: &mut Tx, user: UserId, row: &LoginRow) -> Result<(), StoreError> {
    let rows = tx.query("SELECT MAX(number) FROM userserver_logins WHERE user_id = ?", args![user]).await?;
    let last = rows.first().map_or(Ok(None), |row| row.int_or_none(0))?.unwrap_or(0) as u64;
    let sql = "INSERT INTO userserver_logins (user_id, number, at_us, outcome, method, address, agent) \
        VALUES (?, ?, ?, ?, ?, ?, ?)";
    let LoginRow { at, outcome, method, address, agent } = row.clone();
    tx.execute(sql, args![user, last + 1, at, outcome as u8, method as u8, address, agent]).await?;
    let sql = "DELETE FROM userserver_logins WHERE user_id = ? AND number <= ?";
    tx.execute(sql, args![user, (last + 1).saturating_sub(KEPT)]).await.map(|_| ())
}

/// Newest first.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<LoginRow>, StoreError> {
    let sql =
        "SELECT at_us, outcome, method, address, agent FROM userserver_logins WHERE user_id = ? ORDER BY number DESC";
    tx.query(sql, args![user]).await?.iter().map(login).collect()
}

fn login(row: &Row) -> Result<LoginRow, StoreError> {
    let outcome = match row.int(1)? {
        0 => Outcome::Succeeded,
        1 => Outcome::WrongPassword,
        2 => Outcome::WrongCode,
        other => return Err(StoreError::corrupt(format!("outcome {other} of a login"))),
    };
    let method = match row.int(2)? {
        0 => LoginMethod::Password,
        1 => LoginMethod::Passkey,
        2 => LoginMethod::Registration,
        other => return Err(StoreError::corrupt(format!("method {other} of a login"))),
    };
    Ok(LoginRow { at: time(row, 0)?, outcome, method, address: row.text(3)?, agent: row.text(4)? })
}
