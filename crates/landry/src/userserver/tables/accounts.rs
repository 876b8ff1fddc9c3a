//! Accounts: masters, who log in with a mail address, and their sub-accounts, who do not log in.

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::store::{Row, StoreError, Tx};

use super::time;
use crate::directory::AccountFacts;

/// First id of a user of this service: below are those of `allin feed` and of back ends.
pub const FIRST_ID: u64 = 1_000_000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    pub user: UserId,
    pub master: UserId,
    /// A sub-account's name.
    pub label: String,
    /// Empty for sub-accounts.
    pub password: String,
    pub created_at: Timestamp,
    pub frozen: bool,
    /// The master of this sub-account is frozen or closed.
    pub master_frozen: bool,
    pub closed: bool,
    pub demo: bool,
    pub kyc_level: u8,
    pub kyc_state: KycState,
    /// What the reviewer says.
    pub kyc_note: String,
    pub held_until: Timestamp,
    pub referral_code: String,
    /// 0: nobody.
    pub referred_by: UserId,
    pub anti_phishing: String,
    /// Sealed; empty: off.
    pub totp: String,
    /// Sealed, not yet confirmed.
    pub totp_draft: String,
    /// The time step of the last code that was taken.
    pub totp_step: u64,
    /// Versions of what the engine is to know of the account, and of what it was told.
    pub engine_wanted: u64,
    pub engine_done: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum KycState {
    None = 0,
    Pending = 1,
    Approved = 2,
    Rejected = 3,
}

const COLUMNS: &str = "user_id, master, label, password, created_us, frozen, master_frozen, closed, demo, kyc_level, \
    kyc_state, kyc_note, held_until_us, referral_code, referred_by, anti_phishing, totp, totp_draft, totp_step, \
    engine_wanted, engine_done";

impl Account {
    pub fn new(user: UserId, master: UserId, created_at: Timestamp, referral_code: String) -> Account {
        Account {
            user,
            master,
            label: String::new(),
            password: String::new(),
            created_at,
            frozen: false,
            master_frozen: false,
            closed: false,
            demo: false,
            kyc_level: 0,
            kyc_state: KycState::None,
            kyc_note: String::new(),
            held_until: Timestamp(0),
            referral_code,
            referred_by: UserId(0),
            anti_phishing: String::new(),
            totp: String::new(),
            totp_draft: String::new(),
            totp_step: 0,
            engine_wanted: 1,
            engine_done: 0,
        }
    }

    pub fn is_sub(&self) -> bool {
        self.master != self.user
    }

    /// Neither trades nor withdraws.
    pub fn is_stopped(&self) -> bool {
        self.frozen || self.master_frozen || self.closed
    }

    pub fn has_totp(&self) -> bool {
        !self.totp.is_empty()
    }

    pub fn facts(&self) -> AccountFacts {
        AccountFacts {
            user: self.user,
            master: self.master,
            frozen: self.is_stopped(),
            kyc_level: self.kyc_level,
            withdrawals_held_until: self.held_until,
            demo: self.demo,
        }
    }
}

fn account(row: &Row) -> Result<Account, StoreError> {
    let kyc_state = match row.int(10)? {
        0 => KycState::None,
        1 => KycState::Pending,
        2 => KycState::Approved,
        3 => KycState::Rejected,
        other => return Err(StoreError::corrupt(format!("KYC state {other}"))),
    };
    Ok(Account {
        user: UserId(row.unsigned(0)?),
        master: UserId(row.unsigned(1)?),
        label: row.text(2)?,
        password: row.text(3)?,
        created_at: time(row, 4)?,
        frozen: row.flag(5)?,
        master_frozen: row.flag(6)?,
        closed: row.flag(7)?,
        demo: row.flag(8)?,
        kyc_level: row.small(9)?,
        kyc_state,
        kyc_note: row.text(11)?,
        held_until: time(row, 12)?,
        referral_code: row.text(13)?,
        referred_by: UserId(row.unsigned(14)?),
        anti_phishing: row.text(15)?,
        totp: row.text(16)?,
        totp_draft: row.text(17)?,
        totp_step: row.unsigned(18)?,
        engine_wanted: row.unsigned(19)?,
        engine_done: row.unsigned(20)?,
    })
}

pub async fn insert(tx: &mut Tx, account: &Account) -> Result<(), StoreError> {
    let marks = ["?"; 21].join(", ");
    let a = account.clone();
    tx.execute(
        &format!("INSERT INTO userserver_accounts ({COLUMNS}) VALUES ({marks})"),
        args![
            a.user,
            a.master,
            a.label,
            a.password,
            a.created_at,
            a.frozen,
            a.master_frozen,
            a.closed,
            a.demo,
            a.kyc_level,
            a.kyc_state as u8,
            a.kyc_note,
            a.held_until,
            a.referral_code,
            a.referred_by,
            a.anti_phishing,
            a.totp,
            a.totp_draft,
            a.totp_step,
            a.engine_wanted,
            a.engine_done
        ],
    )
    .await
    .map(|_| ())
}

pub async fn by_id(tx: &mut Tx, user: UserId) -> Result<Option<Account>, StoreError> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM userserver_accounts WHERE user_id = ?"), args![user]).await?;
    rows.first().map(account).transpose()
}

/// The master account of a mail address, in lower case.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<Account>, StoreError> {
    let rows = tx.query("SELECT user_id FROM userserver_emails WHERE email = ?", args![email]).await?;
    match rows.first() {
        Some(row) => by_id(tx, UserId(row.unsigned(0)?)).await,
        None => Ok(None),
    }
}

/// Empty for a sub-account.
pub async fn email(tx: &mut Tx, user: UserId) -> Result<String, StoreError> {
    let rows = tx.query("SELECT email FROM userserver_emails WHERE user_id = ?", args![user]).await?;
    rows.first().map_or(Ok(String::new()), |row| row.text(0))
}

/// [`allin_runtime::store::StoreErrorKind::Duplicate`] when somebody has it.
pub async fn set_email(tx: &mut Tx, user: UserId, email: &str) -> Result<(), StoreError> {
    tx.execute("INSERT INTO userserver_emails (email, user_id) VALUES (?, ?)", args![email, user]).await.map(|_| ())
}

/// The account itself and its sub-accounts, by id.
pub async fn of_master(tx: &mut Tx, master: UserId) -> Result<Vec<Account>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM userserver_accounts WHERE master = ? ORDER BY user_id");
    tx.query(&sql, args![master]).await?.iter().map(account).collect()
}

pub async fn all(tx: &mut Tx) -> Result<Vec<Account>, StoreError> {
    tx.query(&format!("SELECT {COLUMNS} FROM userserver_accounts"), &[]).await?.iter().map(account).collect()
}

/// The lowest id that nobody has had.
pub async fn next_id(tx: &mut Tx) -> Result<UserId, StoreError> {
    let rows = tx.query("SELECT MAX(user_id) FROM userserver_accounts", &[]).await?;
    let last = rows.first().map_or(Ok(None), |row| row.int_or_none(0))?;
    Ok(UserId(last.map_or(FIRST_ID, |last| last as u64 + 1)))
}

/// Who has this referral code.
pub async fn by_referral(tx: &mut Tx, code: &str) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT user_id FROM userserver_accounts WHERE referral_code = ? AND master = user_id";
    tx.query(sql, args![code]).await?.first().map(|row| row.unsigned(0).map(UserId)).transpose()
}

pub async fn referred_count(tx: &mut Tx, user: UserId) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM userserver_accounts WHERE referred_by = ?";
    tx.query(sql, args![user]).await?.first().map_or(Ok(0), |row| row.unsigned(0))
}

/// Accounts that the engine is still to be told of, by id: masters before their sub-accounts.
pub async fn engine_due(tx: &mut Tx, limit: u32) -> Result<Vec<UserId>, StoreError> {
    let sql = "SELECT user_id FROM userserver_accounts WHERE engine_wanted <> engine_done ORDER BY user_id LIMIT ?";
    tx.query(sql, args![limit]).await?.iter().map(|row| row.unsigned(0).map(UserId)).collect()
}

/// The engine knows this version of an account.
pub async fn engine_told(tx: &mut Tx, user: UserId, version: u64) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET engine_done = ? WHERE user_id = ?";
    tx.execute(sql, args![version, user]).await.map(|_| ())
}

pub async fn set_password(tx: &mut Tx, user: UserId, hash: &str) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET password = ? WHERE user_id = ?";
    tx.execute(sql, args![hash, user]).await.map(|_| ())
}

/// Of the account and its sub-accounts.
pub async fn hold_withdrawals(tx: &mut Tx, master: UserId, until: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET held_until_us = ? WHERE master = ? AND held_until_us < ?";
    tx.execute(sql, args![until, master, until]).await.map(|_| ())
}

/// Also of its sub-accounts, when it is a master.
pub async fn set_frozen(tx: &mut Tx, user: UserId, frozen: bool) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET frozen = ?, engine_wanted = engine_wanted + 1 WHERE user_id = ?";
    tx.execute(sql, args![frozen, user]).await?;
    follow_master(tx, user).await
}

pub async fn set_closed(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET closed = 1, engine_wanted = engine_wanted + 1 WHERE user_id = ?";
    tx.execute(sql, args![user]).await?;
    follow_master(tx, user).await
}

async fn follow_master(tx: &mut Tx, master: UserId) -> Result<(), StoreError> {
    let Some(account) = by_id(tx, master).await? else { return Ok(()) };
    let stopped = account.frozen || account.closed;
    let sql = "UPDATE userserver_accounts SET master_frozen = ?, engine_wanted = engine_wanted + 1 \
        WHERE master = ? AND user_id <> ?";
    tx.execute(sql, args![stopped, master, master]).await.map(|_| ())
}

/// Of the account and its sub-accounts.
pub async fn set_demo(tx: &mut Tx, master: UserId) -> Result<(), StoreError> {
    tx.execute("UPDATE userserver_accounts SET demo = 1 WHERE master = ?", args![master]).await.map(|_| ())
}

/// Of the account and its sub-accounts.
pub async fn set_kyc(
    tx: &mut Tx,
    master: UserId,
    (state, level): (KycState, u8),
    note: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET kyc_state = ?, kyc_level = ?, kyc_note = ? WHERE master = ?";
    tx.execute(sql, args![state as u8, level, note, master]).await.map(|_| ())
}

pub async fn set_anti_phishing(tx: &mut Tx, user: UserId, code: &str) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET anti_phishing = ? WHERE user_id = ?";
    tx.execute(sql, args![code, user]).await.map(|_| ())
}

/// Secrets are sealed; the step is that of the last code taken.
pub async fn set_totp(tx: &mut Tx, user: UserId, secret: &str, draft: &str, step: u64) -> Result<(), StoreError> {
    let sql = "UPDATE userserver_accounts SET totp = ?, totp_draft = ?, totp_step = ? WHERE user_id = ?";
    tx.execute(sql, args![secret, draft, step, user]).await.map(|_| ())
}
