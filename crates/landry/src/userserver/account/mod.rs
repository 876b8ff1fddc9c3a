//! Accounts: from the registration to the settings. One verb, one file.

pub mod anti_phishing;
pub mod confirm;
pub mod login;
pub mod notifications;
pub mod password;
pub mod preferences;
pub mod profile;
pub mod proof;
pub mod referral;
pub mod register;
pub mod reset;
pub mod reset_confirm;

use allin_core::ids::Timestamp;

use super::secrets::random;

/// Wrong codes that one code takes.
pub const CODE_ATTEMPTS_MAX: u32 = 5;

/// A code for a mail.
fn mail_code() -> String {
    random::text(b"0123456789", 6)
}

/// Times are milliseconds on the wire.
pub fn ms(at: Timestamp) -> u64 {
    at.0 / 1000
}
