//! POST /api/v1/password/reset

use std::sync::Arc;

use allin_core::ids::UserId;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mail_code;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Client;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Email, Token};
use crate::userserver::limits::Attempt;
use crate::userserver::mail::texts;
use crate::userserver::secrets::random;
use crate::userserver::tables::accounts;
use crate::userserver::tables::codes::{self, Pending, Purpose};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    email: Email,
}

#[derive(Serialize, ToSchema)]
pub struct ResetStarted {
    /// Goes with the code that the mail brings.
    #[schema(value_type = Token)]
    reset: String,
}

/// Asks for a new password: a code goes to the mail address, if it has an account. The answer is the same when it has none.
#[utoipa::path(post, path = "/api/v1/password/reset", tag = "credentials", request_body = ResetRequest,
    responses((status = 202, description = "A mail is on its way, if there is an account.", body = ResetStarted), Refusals))]
pub async fn reset(
    State(app): State<Arc<App>>,
    client: Client,
    Strict(request): Strict<ResetRequest>,
) -> Result<(StatusCode, Json<ResetStarted>), Problem> {
    let (now, email) = (app.now(), request.email.lower());
    app.limits.take_address(Attempt::Reset, client.address, now)?;
    app.limits.take_account(Attempt::Reset, &email, now)?;
    let mail = app.mail.reserve()?;
    let (token, code) = (random::token(), mail_code());
    let pending = Pending {
        email: email.clone(),
        mark: app.vault.mark(&token, &code),
        password: String::new(),
        referred_by: UserId(0),
        attempts: 0,
        expires_at: app.after(app.config.code_life_s),
    };
    let mut write = app.write().await?;
    let account = accounts::by_email(&mut write.tx, &email).await?.filter(|account| !account.closed);
    codes::delete_expired(&mut write.tx, now).await?;
    codes::insert(&mut write.tx, Purpose::Reset, &token, &pending).await?;
    write.commit().await?;
    if let Some(account) = account {
        mail.send(texts::reset(&email, &code, app.config.code_life_s / 60, &account.anti_phishing));
    }
    Ok((StatusCode::ACCEPTED, Json(ResetStarted { reset: token })))
}
