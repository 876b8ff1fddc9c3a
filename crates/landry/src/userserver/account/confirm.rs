//! POST /api/v1/register/confirm

use std::sync::Arc;

use allin_core::ids::UserId;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::CODE_ATTEMPTS_MAX;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Client;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Label, SixDigits, Token};
use crate::userserver::limits::Attempt;
use crate::userserver::secrets::random;
use crate::userserver::sessions::open::{NewSession, open};
use crate::userserver::tables::accounts::{self, Account};
use crate::userserver::tables::codes::{self, Pending, Purpose};
use crate::userserver::tables::logins::LoginMethod;
use crate::userserver::write::Write;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// From the answer to the registration.
    registration: Token,
    /// From the mail.
    code: SixDigits,
    /// What this session is to be called in the list of sessions.
    device: Option<Label>,
}

/// Completes a registration and logs in.
#[utoipa::path(post, path = "/api/v1/register/confirm", tag = "registration", operation_id = "register_confirm", request_body = ConfirmRequest,
    responses((status = 201, description = "The account is open.", body = NewSession), Refusals))]
pub async fn confirm(
    State(app): State<Arc<App>>,
    client: Client,
    Strict(request): Strict<ConfirmRequest>,
) -> Result<(StatusCode, Json<NewSession>), Problem> {
    app.limits.take_address(Attempt::Credential, client.address, app.now())?;
    let mut write = app.write().await?;
    let pending = spend(&app, &mut write, Purpose::Register, &request.registration.0, &request.code.0).await?;
    let Some(pending) = pending else {
        // What was counted stays counted.
        write.commit().await?;
        return Err(wrong());
    };
    if accounts::by_email(&mut write.tx, &pending.email).await?.is_some() {
        return Err(wrong());
    }
    let user = accounts::next_id(&mut write.tx).await?;
    let account = Account {
        password: pending.password,
        referred_by: pending.referred_by,
        ..Account::new(user, user, app.now(), free_referral_code(&mut write).await?)
    };
    accounts::insert(&mut write.tx, &account).await?;
    accounts::set_email(&mut write.tx, user, &pending.email).await?;
    codes::delete_of(&mut write.tx, Purpose::Register, &pending.email).await?;
    write.account_changes(user);
    let session = open(&app, &mut write, user, &client, request.device.as_ref(), LoginMethod::Registration).await?;
    write.commit().await?;
    app.tell_engine(&[user]).await;
    Ok((StatusCode::CREATED, Json(session)))
}

pub fn wrong() -> Problem {
    Problem::forbidden("wrong_code", "the code is wrong or has expired")
}

/// What waits for this code, if it is right; a wrong one is counted. Neither stays when the transaction does not.
pub async fn spend(
    app: &App,
    write: &mut Write<'_>,
    purpose: Purpose,
    token: &str,
    code: &str,
) -> Result<Option<Pending>, Problem> {
    let pending = codes::by_token(&mut write.tx, purpose, token).await?;
    let live = pending.filter(|p| p.expires_at > app.now() && p.attempts < CODE_ATTEMPTS_MAX);
    let Some(pending) = live else { return Ok(None) };
    codes::count_attempt(&mut write.tx, token).await?;
    Ok(Some(pending).filter(|pending| app.vault.is_marked(token, code, &pending.mark)))
}

/// Without letters and digits that are taken for each other.
pub async fn free_referral_code(write: &mut Write<'_>) -> Result<String, Problem> {
    loop {
        let code = random::text(b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 8);
        if accounts::by_referral(&mut write.tx, &code).await?.is_none_or(|user| user == UserId(0)) {
            return Ok(code);
        }
    }
}
