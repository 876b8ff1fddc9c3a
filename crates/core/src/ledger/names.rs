//! Accounts as numbers: user ids, and reserved ids for the exchange's own accounts.

use crate::ids::UserId;
use crate::spot::command::Account;

/// In the order in which an asset opens them.
pub const SYSTEM_ACCOUNTS: [Account; 6] =
    [Account::Fees, Account::Rounding, Account::House, Account::Insurance, Account::Deposits, Account::Withdrawals];

/// The number of an account: a user's id, or a reserved one.
#[inline]
pub fn owner_of(account: Account) -> u64 {
    let index = match account {
        Account::User(user) => return user.0,
        Account::Fees => 0,
        Account::Rounding => 1,
        Account::House => 2,
        Account::Insurance => 3,
        Account::Deposits => 4,
        Account::Withdrawals => 5,
    };
    UserId::RESERVED_MIN + index
}

/// The account of a number.
#[inline]
pub fn account_of(owner: u64) -> Account {
    match owner.checked_sub(UserId::RESERVED_MIN) {
        None => Account::User(UserId(owner)),
        Some(index) => SYSTEM_ACCOUNTS[index as usize],
    }
}

#[inline]
pub(super) fn is_system(owner: u64) -> bool {
    owner >= UserId::RESERVED_MIN
}

pub(super) fn is_clearing(owner: u64) -> bool {
    owner == owner_of(Account::Deposits) || owner == owner_of(Account::Withdrawals)
}
