//! Sub-accounts: accounts of their own for the engine, in their master's group, without a login.

pub mod create;
pub mod freeze;
pub mod list;

use serde::Serialize;
use utoipa::ToSchema;

use super::account::ms;
use super::tables::accounts::Account;

#[derive(Serialize, ToSchema)]
pub struct SubAccountBody {
    user_id: u64,
    label: String,
    /// By its master, or with it.
    frozen: bool,
    created_at: u64,
}

impl SubAccountBody {
    fn new(account: &Account) -> SubAccountBody {
        SubAccountBody {
            user_id: account.user.0,
            label: account.label.clone(),
            frozen: account.is_stopped(),
            created_at: ms(account.created_at),
        }
    }
}
