//! POST /api/v1/login

use std::sync::Arc;

use allin_core::ids::UserId;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::proof::{Proof, second_factor};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Client;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Email, Label, Password, RecoveryCode, SixDigits};
use crate::userserver::limits::{Attempt, Trier, subscriber_name};
use crate::userserver::sessions::open::{NewSession, open};
use crate::userserver::tables::accounts::{self, Account};
use crate::userserver::tables::known_addresses;
use crate::userserver::tables::logins::{self, LoginMethod, LoginRow, Outcome};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    email: Email,
    password: Password,
    /// Where the account has an authenticator: its code, or a recovery code.
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
    /// What this session is to be called in the list of sessions.
    device: Option<Label>,
}

/// Logs in with mail address and password. 401 `invalid_credentials` does not say which of them is wrong; 401
/// `totp_required` and `wrong_totp_code` come only after the right password.
#[utoipa::path(post, path = "/api/v1/login", tag = "sessions", request_body = LoginRequest,
    responses((status = 200, description = "Logged in.", body = NewSession), Refusals))]
pub async fn login(
    State(app): State<Arc<App>>,
    client: Client,
    Strict(request): Strict<LoginRequest>,
) -> Result<Json<NewSession>, Problem> {
    let (now, email) = (app.now(), request.email.lower());
    app.limits.take_address(Attempt::Credential, client.address, now)?;
    let mut tx = app.read().await?;
    let account = accounts::by_email(&mut tx, &email).await?.filter(|account| !account.closed);
    let user = account.as_ref().map_or(UserId(0), |account| account.user);
    let known = known_addresses::is_known(&mut tx, user, &subscriber_name(client.address), now).await?;
    tx.commit().await?;
    let trier = Trier { account: &email, address: client.address, known };
    app.limits.take_login(trier, now)?;
    let stored = account.as_ref().map(|account| account.password.as_str());
    let right = app.hasher.verify(&request.password.0, stored).await?;
    let Some(account) = account.as_ref().filter(|_| right) else {
        failed(&app, account.as_ref(), &client, Outcome::WrongPassword).await?;
        let message = "mail address or password is wrong";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", message));
    };
    let proof =
        Proof { password: None, totp_code: request.totp_code.as_ref(), recovery_code: request.recovery_code.as_ref() };
    // Codes are few: whoever has the password may not try them from many addresses.
    let codes = format!("codes of {}", account.user.0);
    app.limits.take_account(Attempt::Credential, &codes, now)?;
    if let Err(problem) = second_factor(&app, account, proof).await {
        failed(&app, Some(account), &client, Outcome::WrongCode).await?;
        let status = if problem.status == StatusCode::FORBIDDEN { StatusCode::UNAUTHORIZED } else { problem.status };
        return Err(Problem { status, ..problem });
    }
    app.limits.give_back(Attempt::Credential, &codes);
    app.limits.give_back_login(trier);
    let mut write = app.write().await?;
    let device = request.device.as_ref();
    let session = open(&app, &mut write, account.user, &client, device, LoginMethod::Password).await?;
    write.commit().await?;
    Ok(Json(session))
}

/// The same work whether or not there is an account.
async fn failed(app: &App, account: Option<&Account>, client: &Client, outcome: Outcome) -> Result<(), Problem> {
    let user = account.map_or(UserId(0), |account| account.user);
    let row = LoginRow {
        at: app.now(),
        outcome,
        method: LoginMethod::Password,
        address: client.address.to_string(),
        agent: client.agent.clone(),
    };
    let mut write = app.write().await?;
    logins::insert(&mut write.tx, user, &row).await?;
    write.commit().await?;
    Ok(())
}
