//! `[users]`.

use std::path::PathBuf;

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane.
const PASSWORD_MEMORY_KIB_MIN: u32 = 19_456;
const PASSWORD_PASSES_MIN: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UsersSection {
    /// 64 hexadecimal digits, mode 0600, under which secrets are encrypted in the store. Empty: `users.key` in the data
    /// directory, made at the first start. Whoever loses it loses every HMAC key and every TOTP secret.
    pub secret_key_file: PathBuf,
    /// Who mails are from.
    pub mail_from: String,
    /// `smtp://user:password@host:port`, `smtps://…`; empty: mails are files in `outbox/` of the data directory.
    pub smtp_url: String,
    /// Relying-party id of passkeys: the domain that they belong to.
    pub passkey_domain: String,
    /// Where the browser may be when it uses a passkey, such as `https://user.allinpro.com`.
    pub passkey_origins: Vec<String>,
    /// Memory of one password hash (Argon2id), KiB.
    pub password_memory_kib: u32,
    pub password_passes: u32,
    /// Passwords hashed at once; each takes its memory and a core.
    pub hashes_at_once: usize,
    /// Requests that wait for that; further ones are refused with 503.
    pub hashes_waiting_max: usize,
    /// A session ends so long after its last use, and so long after its beginning.
    pub session_idle_s: u64,
    pub session_life_s: u64,
    /// Life of a code sent by mail.
    pub code_life_s: u64,
    /// No withdrawal for so long after a credential was changed.
    pub withdrawal_hold_s: u64,
    /// Window in which attempts are counted.
    pub attempts_window_s: u64,
    /// Registrations, logins and resets that one address may try in a window.
    pub attempts_per_address_max: u32,
    /// Wrong passwords and codes that one account takes from one address in a window.
    pub attempts_per_account_max: u32,
    /// Wrong passwords that one account takes in a window from all addresses together from which nobody ever logged in to it.
    pub attempts_by_strangers_max: u32,
    /// Of those that are named in `X-Forwarded-For`, how many proxies are ours: the caller is the entry before them. 0: the
    /// header is not believed and the caller is the peer.
    pub proxies: u32,
    pub connections_max: usize,
    pub body_bytes_max: usize,
    pub document_bytes_max: usize,
    pub api_keys_max: u32,
    pub sub_accounts_max: u32,
}

impl Default for UsersSection {
    fn default() -> Self {
        Self {
            secret_key_file: PathBuf::new(),
            mail_from: "ALLIN <no-reply@allin.localhost>".to_owned(),
            smtp_url: String::new(),
            passkey_domain: "allin.localhost".to_owned(),
            passkey_origins: vec![
                "https://user.allin.localhost".to_owned(),
                "http://user.allin.localhost:8080".to_owned(),
            ],
            password_memory_kib: PASSWORD_MEMORY_KIB_MIN,
            password_passes: PASSWORD_PASSES_MIN,
            hashes_at_once: 2,
            hashes_waiting_max: 64,
            session_idle_s: 7 * 86_400,
            session_life_s: 30 * 86_400,
            code_life_s: 900,
            withdrawal_hold_s: 86_400,
            attempts_window_s: 600,
            attempts_per_address_max: 100,
            attempts_per_account_max: 10,
            attempts_by_strangers_max: 100,
            proxies: 1,
            connections_max: 4096,
            body_bytes_max: 16 << 10,
            document_bytes_max: 5 << 20,
            api_keys_max: 30,
            sub_accounts_max: 50,
        }
    }
}

impl Section for UsersSection {
    const NAME: &'static str = "users";

    fn check(&self) -> Result<(), Invalid> {
        if self.password_memory_kib < PASSWORD_MEMORY_KIB_MIN {
            let reason = format!("must be {PASSWORD_MEMORY_KIB_MIN} at least (OWASP, Argon2id)");
            return Err(Invalid::new("password_memory_kib", reason));
        }
        if self.password_passes < PASSWORD_PASSES_MIN {
            return Err(Invalid::new("password_passes", format!("must be {PASSWORD_PASSES_MIN} at least")));
        }
        let positive = [
            ("hashes_at_once", self.hashes_at_once as u64),
            ("session_idle_s", self.session_idle_s),
            ("session_life_s", self.session_life_s),
            ("code_life_s", self.code_life_s),
            ("attempts_window_s", self.attempts_window_s),
            ("attempts_per_address_max", self.attempts_per_address_max.into()),
            ("attempts_per_account_max", self.attempts_per_account_max.into()),
            ("attempts_by_strangers_max", self.attempts_by_strangers_max.into()),
            ("connections_max", self.connections_max as u64),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(Invalid::new(key, "must be positive"));
        }
        if self.proxies > 8 {
            return Err(Invalid::new("proxies", "must be 8 at most"));
        }
        if !(1024..=1 << 20).contains(&self.body_bytes_max) {
            return Err(Invalid::new("body_bytes_max", "is not between 1024 and 1048576"));
        }
        if !(1024..=64 << 20).contains(&self.document_bytes_max) {
            return Err(Invalid::new("document_bytes_max", "is not between 1024 and 67108864"));
        }
        if self.passkey_origins.is_empty() {
            return Err(Invalid::new("passkey_origins", "must name one origin at least"));
        }
        Ok(())
    }
}
