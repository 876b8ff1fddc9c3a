//! Time-based one-time passwords (RFC 6238) and recovery codes.

pub mod begin;
pub mod confirm;
pub mod disable;
pub mod recovery;

use serde::Serialize;
use utoipa::ToSchema;

use super::account::proof::recovery_mark;
use super::app::App;
use super::error::Problem;
use super::secrets::random;
use super::tables::accounts::Account;
use super::tables::recovery as rows;
use super::write::Write;

const RECOVERY_CODES: usize = 10;

#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Shown once; each is good once, in place of a code of the authenticator.
    recovery_codes: Vec<String>,
}

/// New ones; the old ones are good no more.
async fn renew(app: &App, write: &mut Write<'_>, account: &Account) -> Result<RecoveryCodes, Problem> {
    let part = || random::text(b"abcdefghijklmnopqrstuvwxyz234567", 5);
    let recovery_codes: Vec<String> = (0..RECOVERY_CODES).map(|_| format!("{}-{}", part(), part())).collect();
    let marks: Vec<String> = recovery_codes.iter().map(|code| recovery_mark(app, account.user, code)).collect();
    rows::replace(&mut write.tx, account.user, &marks).await?;
    Ok(RecoveryCodes { recovery_codes })
}
