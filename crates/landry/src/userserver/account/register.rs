//! POST /api/v1/register

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
use crate::userserver::http::text::{Email, Password, Referral, Token};
use crate::userserver::limits::Attempt;
use crate::userserver::mail::texts;
use crate::userserver::secrets::random;
use crate::userserver::tables::accounts;
use crate::userserver::tables::codes::{self, Pending, Purpose};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    email: Email,
    password: Password,
    /// Of whoever brought the new user.
    referral_code: Option<Referral>,
}

#[derive(Serialize, ToSchema)]
pub struct RegisterStarted {
    /// Goes with the code that the mail brings.
    #[schema(value_type = Token)]
    registration: String,
}

/// Begins a registration: a code goes to the mail address. The answer is the same when the address has an account; then its
/// owner gets a mail without a code.
#[utoipa::path(post, path = "/api/v1/register", tag = "registration", request_body = RegisterRequest,
    responses((status = 202, description = "A mail is on its way.", body = RegisterStarted), Refusals))]
pub async fn register(
    State(app): State<Arc<App>>,
    client: Client,
    Strict(request): Strict<RegisterRequest>,
) -> Result<(StatusCode, Json<RegisterStarted>), Problem> {
    let (now, email) = (app.now(), request.email.lower());
    app.limits.take_address(Attempt::Register, client.address, now)?;
    app.limits.take_account(Attempt::Register, &email, now)?;
    let mail = app.mail.reserve()?;
    let password = app.hasher.hash(&request.password.0).await?;
    let (token, code) = (random::token(), mail_code());

    let mut write = app.write().await?;
    let referred_by = match &request.referral_code {
        None => UserId(0),
        Some(referral) => accounts::by_referral(&mut write.tx, &referral.0)
            .await?
            .ok_or_else(|| Problem::conflict("unknown_referral_code", "nobody has this referral code"))?,
    };
    let known = accounts::by_email(&mut write.tx, &email).await?;
    // An address that has an account gets a code that nobody learns: the same rows and the same answers as otherwise.
    let pending = Pending {
        mark: app.vault.mark(&token, &code),
        password,
        referred_by,
        attempts: 0,
        expires_at: app.after(app.config.code_life_s),
        email: email.clone(),
    };
    codes::delete_expired(&mut write.tx, now).await?;
    codes::insert(&mut write.tx, Purpose::Register, &token, &pending).await?;
    write.commit().await?;
    mail.send(match known {
        None => texts::register(&email, &code, app.config.code_life_s / 60),
        Some(account) => texts::register_known(&email, &account.anti_phishing),
    });
    Ok((StatusCode::ACCEPTED, Json(RegisterStarted { registration: token })))
}
