//! Versions of the tables.

use allin_runtime::store::{Migration, Schema};

/// What the service keeps, under its name.
pub fn schema(name: &'static str) -> Schema {
    Schema { namespace: name, migrations: MIGRATIONS, consumer: None }
}

const MIGRATIONS: &[Migration] = &[FIRST, KNOWN_ADDRESSES];

const FIRST: Migration = Migration {
    version: 1,
    statements: &[
        // A sub-account has its master's id as `master` and no mail; everybody else is his own master.
        "CREATE TABLE userserver_accounts (\
            user_id {id} NOT NULL PRIMARY KEY, master BIGINT NOT NULL, label VARCHAR(64) NOT NULL, \
            password VARCHAR(255) NOT NULL, created_us BIGINT NOT NULL, \
            frozen SMALLINT NOT NULL, master_frozen SMALLINT NOT NULL, closed SMALLINT NOT NULL, demo SMALLINT NOT NULL, \
            kyc_level SMALLINT NOT NULL, kyc_state SMALLINT NOT NULL, kyc_note VARCHAR(255) NOT NULL, \
            held_until_us BIGINT NOT NULL, \
            referral_code VARCHAR(16) NOT NULL, referred_by BIGINT NOT NULL, \
            anti_phishing VARCHAR(32) NOT NULL, \
            totp VARCHAR(255) NOT NULL, totp_draft VARCHAR(255) NOT NULL, totp_step BIGINT NOT NULL, \
            engine_wanted BIGINT NOT NULL, engine_done BIGINT NOT NULL)",
        "CREATE INDEX userserver_accounts_master ON userserver_accounts (master)",
        "CREATE UNIQUE INDEX userserver_accounts_referral ON userserver_accounts (referral_code)",
        "CREATE INDEX userserver_accounts_referred ON userserver_accounts (referred_by)",
        "CREATE TABLE userserver_emails (email VARCHAR(254) NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL) {clustered}",
        "CREATE UNIQUE INDEX userserver_emails_user ON userserver_emails (user_id)",
        "CREATE TABLE userserver_codes (\
            fingerprint VARCHAR(64) NOT NULL PRIMARY KEY, purpose SMALLINT NOT NULL, email VARCHAR(254) NOT NULL, \
            mark VARCHAR(64) NOT NULL, password VARCHAR(255) NOT NULL, referred_by BIGINT NOT NULL, \
            attempts SMALLINT NOT NULL, expires_us BIGINT NOT NULL) {clustered}",
        "CREATE INDEX userserver_codes_expiry ON userserver_codes (expires_us)",
        "CREATE TABLE userserver_sessions (\
            session_id VARCHAR(32) NOT NULL PRIMARY KEY, fingerprint VARCHAR(64) NOT NULL, user_id BIGINT NOT NULL, \
            device VARCHAR(64) NOT NULL, agent VARCHAR(255) NOT NULL, address VARCHAR(45) NOT NULL, \
            created_us BIGINT NOT NULL, seen_us BIGINT NOT NULL, expires_us BIGINT NOT NULL) {clustered}",
        "CREATE UNIQUE INDEX userserver_sessions_fingerprint ON userserver_sessions (fingerprint)",
        "CREATE INDEX userserver_sessions_user ON userserver_sessions (user_id, created_us)",
        "CREATE INDEX userserver_sessions_expiry ON userserver_sessions (expires_us)",
        "CREATE TABLE userserver_logins (\
            user_id BIGINT NOT NULL, number BIGINT NOT NULL, at_us BIGINT NOT NULL, outcome SMALLINT NOT NULL, \
            method SMALLINT NOT NULL, address VARCHAR(45) NOT NULL, agent VARCHAR(255) NOT NULL, \
            PRIMARY KEY (user_id, number)) {clustered}",
        "CREATE TABLE userserver_recovery_codes (\
            user_id BIGINT NOT NULL, mark VARCHAR(64) NOT NULL, PRIMARY KEY (user_id, mark)) {clustered}",
        "CREATE TABLE userserver_passkeys (\
            passkey_id VARCHAR(1400) NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, label VARCHAR(64) NOT NULL, \
            fixed_state TEXT NOT NULL, moving_state VARCHAR(64) NOT NULL, created_us BIGINT NOT NULL, used_us BIGINT NOT NULL) \
            {clustered}",
        "CREATE INDEX userserver_passkeys_user ON userserver_passkeys (user_id, created_us)",
        "CREATE TABLE userserver_api_keys (\
            api_key VARCHAR(64) NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, label VARCHAR(64) NOT NULL, \
            kind SMALLINT NOT NULL, verifier TEXT NOT NULL, permissions SMALLINT NOT NULL, ip_ranges TEXT NOT NULL, \
            created_us BIGINT NOT NULL, expires_us BIGINT NOT NULL) {clustered}",
        "CREATE INDEX userserver_api_keys_user ON userserver_api_keys (user_id, created_us)",
        "CREATE TABLE userserver_settings (\
            user_id {id} NOT NULL PRIMARY KEY, nickname VARCHAR(64) NOT NULL, country VARCHAR(2) NOT NULL, \
            language VARCHAR(8) NOT NULL, theme VARCHAR(8) NOT NULL, currency VARCHAR(16) NOT NULL, \
            notify_login SMALLINT NOT NULL, notify_trade SMALLINT NOT NULL, \
            notify_news SMALLINT NOT NULL)",
        "CREATE TABLE userserver_documents (\
            document_id VARCHAR(32) NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, kind SMALLINT NOT NULL, \
            media SMALLINT NOT NULL, bytes BIGINT NOT NULL, sha256 VARCHAR(64) NOT NULL, created_us BIGINT NOT NULL) \
            {clustered}",
        "CREATE INDEX userserver_documents_user ON userserver_documents (user_id, created_us)",
        "CREATE TABLE userserver_marks (name VARCHAR(32) NOT NULL PRIMARY KEY, value VARCHAR(255) NOT NULL) {clustered}",
    ],
};

const KNOWN_ADDRESSES: Migration = Migration {
    version: 2,
    statements: &["CREATE TABLE userserver_known_addresses (\
            user_id BIGINT NOT NULL, address VARCHAR(45) NOT NULL, seen_us BIGINT NOT NULL, \
            PRIMARY KEY (user_id, address)) {clustered}"],
};
