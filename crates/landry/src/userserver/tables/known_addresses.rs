//! Addresses from which an account was logged in to: whoever comes from there is no stranger.

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::store::{StoreError, Tx};

/// Rows kept of each account, the newest.
const KEPT: u64 = 20;
/// How long an address is known after its last login.
const LIFE: u64 = 90 * Timestamp::DAY;

/// Also asked for user 0, who stands for accounts that do not exist.
pub async fn is_known(tx: &mut Tx, user: UserId, address: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT seen_us FROM userserver_known_addresses WHERE user_id = ? AND address = ? AND seen_us > ?";
    Ok(!tx.query(sql, args![user, address, now.0.saturating_sub(LIFE)]).await?.is_empty())
}

/// Somebody logged in from there.
pub async fn remember(tx: &mut Tx, user: UserId, address: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_known_addresses SET seen_us = ? WHERE user_id = ? AND address = ?";
    if tx.execute(sql, args![now, user, address]).await? == 0 {
        let sql = "INSERT INTO userserver_known_addresses (user_id, address, seen_us) VALUES (?, ?, ?)";
        tx.execute(sql, args![user, address, now]).await?;
    }
    let sql = "SELECT seen_us FROM userserver_known_addresses WHERE user_id = ? ORDER BY seen_us DESC LIMIT 1 OFFSET ?";
    if let Some(row) = tx.query(sql, args![user, KEPT]).await?.first() {
        let sql = "DELETE FROM userserver_known_addresses WHERE user_id = ? AND seen_us <= ?";
        tx.execute(sql, args![user, row.unsigned(0)?]).await?;
    }
    Ok(())
}
