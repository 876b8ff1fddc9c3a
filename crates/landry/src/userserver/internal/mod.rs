//! What the back office and other services of this deployment may do; the internal token opens it.

pub mod close;
pub mod demo;
pub mod freeze;
pub mod kyc;
pub mod user;

use allin_core::ids::UserId;
use allin_runtime::store::Tx;

use super::error::Problem;
use super::tables::accounts::{self, Account};

/// The account of a path.
async fn named(tx: &mut Tx, user_id: &str) -> Result<Account, Problem> {
    let user = user_id.parse().map(UserId).map_err(|_| Problem::not_found())?;
    accounts::by_id(tx, user).await?.ok_or_else(Problem::not_found)
}

/// The account and its sub-accounts.
async fn family(tx: &mut Tx, account: &Account) -> Result<Vec<UserId>, Problem> {
    let family = match account.is_sub() {
        true => vec![account.user],
        false => accounts::of_master(tx, account.user).await?.iter().map(|account| account.user).collect(),
    };
    Ok(family)
}
