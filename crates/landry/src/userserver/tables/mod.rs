//! The service's tables: what is in them, and one file a kind of row.

pub mod accounts;
pub mod api_keys;
pub mod codes;
pub mod documents;
pub mod known_addresses;
pub mod logins;
pub mod passkeys;
pub mod recovery;
pub mod schema;
pub mod sessions;
pub mod settings;

use allin_core::ids::Timestamp;
use allin_runtime::store::{Row, StoreError};

fn time(row: &Row, column: usize) -> Result<Timestamp, StoreError> {
    row.unsigned(column).map(Timestamp)
}
