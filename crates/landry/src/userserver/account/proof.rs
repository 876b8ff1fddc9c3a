//! Proving again who one is, before keys are made and credentials changed.

use allin_core::ids::{Timestamp, UserId};
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, TOTP};

use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::text::{Password, RecoveryCode, SixDigits};
use crate::userserver::limits::Attempt;
use crate::userserver::mail::texts;
use crate::userserver::tables::accounts::{self, Account};
use crate::userserver::tables::recovery;
use crate::userserver::write::Write;

/// Life of a code, seconds, and how many steps a clock may be off (RFC 6238).
const STEP_S: u64 = 30;
const STEPS_OFF: u64 = 1;

/// What a request brings along.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    pub password: Option<&'a Password>,
    pub totp_code: Option<&'a SixDigits>,
    pub recovery_code: Option<&'a RecoveryCode>,
}

/// The account of whoever is logged in.
pub async fn account_of(app: &App, user: UserId) -> Result<Account, Problem> {
    let mut tx = app.read().await?;
    let account = accounts::by_id(&mut tx, user).await?;
    tx.commit().await?;
    account.ok_or_else(Problem::unauthorized)
}

/// A code of the authenticator or a recovery code where the account has them, else the password.
pub async fn step_up(app: &App, user: UserId, proof: Proof<'_>) -> Result<Account, Problem> {
    let account = account_of(app, user).await?;
    counted(app, user, async {
        match account.has_totp() {
            true => second_factor(app, &account, proof).await,
            false => password(app, &account, proof).await,
        }
    })
    .await?;
    Ok(account)
}

/// The password, and the second factor where the account has one.
pub async fn step_up_twice(app: &App, user: UserId, proof: Proof<'_>) -> Result<Account, Problem> {
    let account = account_of(app, user).await?;
    counted(app, user, async {
        password(app, &account, proof).await?;
        second_factor(app, &account, proof).await
    })
    .await?;
    Ok(account)
}

/// Counts as a failure unless it succeeds.
async fn counted(app: &App, user: UserId, proving: impl Future<Output = Result<(), Problem>>) -> Result<(), Problem> {
    let name = format!("user {}", user.0);
    app.limits.take_account(Attempt::Credential, &name, app.now())?;
    proving.await?;
    app.limits.give_back(Attempt::Credential, &name);
    Ok(())
}

async fn password(app: &App, account: &Account, proof: Proof<'_>) -> Result<(), Problem> {
    let Some(password) = proof.password else {
        return Err(Problem::forbidden("password_required", "this needs your password"));
    };
    match app.hasher.verify(&password.0, Some(&account.password)).await? {
        true => Ok(()),
        false => Err(Problem::forbidden("wrong_password", "the password is wrong")),
    }
}

/// Nothing to prove without an authenticator.
pub async fn second_factor(app: &App, account: &Account, proof: Proof<'_>) -> Result<(), Problem> {
    if !account.has_totp() {
        return Ok(());
    }
    let right = match (proof.totp_code, proof.recovery_code) {
        (Some(code), _) => spend_totp(app, account.user, &code.0).await?,
        (None, Some(code)) => spend_recovery(app, account.user, &code.0).await?,
        (None, None) => {
            return Err(Problem::forbidden(
                "totp_required",
                "this needs a code of your authenticator, or a recovery code",
            ));
        }
    };
    match right {
        true => Ok(()),
        false => Err(Problem::forbidden("wrong_totp_code", "the code is wrong, or was used before")),
    }
}

/// Takes a code, once: whoever comes with a code of the same step or an earlier one is refused.
async fn spend_totp(app: &App, user: UserId, code: &str) -> Result<bool, Problem> {
    let mut write = app.write().await?;
    let Some(account) = accounts::by_id(&mut write.tx, user).await? else { return Ok(false) };
    let Some(step) = matching_step(app, &account, &account.totp, code)? else { return Ok(false) };
    if step <= account.totp_step {
        return Ok(false);
    }
    accounts::set_totp(&mut write.tx, user, &account.totp, &account.totp_draft, step).await?;
    write.commit().await?;
    Ok(true)
}

/// The time step whose code this is, of those that are near enough.
pub fn matching_step(app: &App, account: &Account, sealed: &str, code: &str) -> Result<Option<u64>, Problem> {
    let secret = app.vault.open(&totp_owner(account.user), sealed);
    let secret = secret.ok_or_else(|| Problem::broken("open a TOTP secret", "sealed for another account"))?;
    let totp = totp(secret, "");
    let now = app.now().0 / Timestamp::SECOND / STEP_S;
    let steps = now.saturating_sub(STEPS_OFF)..=now + STEPS_OFF;
    // All of them are compared, so that time does not tell which one it was.
    let mut found = None;
    for step in steps {
        if bool::from(totp.generate(step * STEP_S).as_bytes().ct_eq(code.as_bytes())) {
            found = Some(step);
        }
    }
    Ok(found)
}

/// As authenticators take it: SHA-1, six digits, thirty seconds. `label` is shown by the authenticator.
pub fn totp(secret: Vec<u8>, label: &str) -> TOTP {
    TOTP::new_unchecked(Algorithm::SHA1, 6, 1, STEP_S, secret, Some("ALLIN".to_owned()), label.to_owned())
}

/// What a TOTP secret is sealed for.
pub fn totp_owner(user: UserId) -> String {
    format!("totp {}", user.0)
}

/// What is stored of a recovery code.
pub fn recovery_mark(app: &App, user: UserId, code: &str) -> String {
    app.vault.mark(&format!("recovery {}", user.0), code)
}

async fn spend_recovery(app: &App, user: UserId, code: &str) -> Result<bool, Problem> {
    let mut write = app.write().await?;
    let spent = recovery::spend(&mut write.tx, user, &recovery_mark(app, user, code)).await?;
    write.commit().await?;
    Ok(spent)
}

/// A credential is changed: no withdrawals for a while, of the account and its sub-accounts.
pub async fn hold(app: &App, write: &mut Write<'_>, account: &Account) -> Result<(), Problem> {
    let until = app.after(app.config.withdrawal_hold_s);
    accounts::hold_withdrawals(&mut write.tx, account.master, until).await?;
    write.account_changes(account.master);
    Ok(())
}

/// Tells the owner what happened to his account.
pub async fn notify(app: &App, account: &Account, what: &str) -> Result<(), Problem> {
    let mut tx = app.read().await?;
    let email = accounts::email(&mut tx, account.master).await?;
    tx.commit().await?;
    if !email.is_empty() {
        app.mail.notify(texts::security(&email, what, &account.anti_phishing));
    }
    Ok(())
}
