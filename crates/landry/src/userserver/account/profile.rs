//! GET /api/v1/account, PUT /api/v1/profile

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ms;
use super::proof::account_of;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Country, Label};
use crate::userserver::tables::accounts::{self, KycState};
use crate::userserver::tables::{recovery, settings};

#[derive(Serialize, ToSchema)]
pub struct AccountBody {
    user_id: u64,
    email: String,
    nickname: String,
    /// ISO 3166-1 alpha-2, or empty.
    country: String,
    /// Milliseconds since the Unix epoch, as all times here.
    created_at: u64,
    /// Neither trades nor withdraws.
    frozen: bool,
    /// Opened for the demonstration, with money that is worth nothing.
    demo: bool,
    kyc_level: u8,
    kyc_state: KycState,
    totp_enabled: bool,
    recovery_codes_left: u64,
    anti_phishing_set: bool,
    /// No withdrawal before this time; 0: none is held.
    withdrawals_held_until: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    nickname: Option<Label>,
    country: Option<Country>,
}

/// The account of whoever is logged in.
#[utoipa::path(get, path = "/api/v1/account", tag = "account", security(("session" = [])),
    responses((status = 200, description = "The account.", body = AccountBody), Refusals))]
pub async fn account(State(app): State<Arc<App>>, session: Session) -> Result<Json<AccountBody>, Problem> {
    let account = account_of(&app, session.user).await?;
    let mut tx = app.read().await?;
    let email = accounts::email(&mut tx, session.user).await?;
    let settings = settings::load(&mut tx, session.user).await?;
    let recovery_codes_left = recovery::count(&mut tx, session.user).await?;
    tx.commit().await?;
    Ok(Json(AccountBody {
        user_id: account.user.0,
        email,
        nickname: settings.nickname,
        country: settings.country,
        created_at: ms(account.created_at),
        frozen: account.is_stopped(),
        demo: account.demo,
        kyc_level: account.kyc_level,
        kyc_state: account.kyc_state,
        totp_enabled: account.has_totp(),
        recovery_codes_left,
        anti_phishing_set: !account.anti_phishing.is_empty(),
        withdrawals_held_until: if account.held_until > app.now() { ms(account.held_until) } else { 0 },
    }))
}

/// Sets nickname and country; what is left out is cleared.
#[utoipa::path(put, path = "/api/v1/profile", tag = "account", request_body = ProfileRequest, security(("session" = [])),
    responses((status = 204, description = "Set."), Refusals))]
pub async fn set_profile(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<ProfileRequest>,
) -> Result<StatusCode, Problem> {
    let mut write = app.write().await?;
    let mut settings = settings::load(&mut write.tx, session.user).await?;
    settings.nickname = request.nickname.map_or(String::new(), |nickname| nickname.0);
    settings.country = request.country.map_or(String::new(), |country| country.0);
    settings::save(&mut write.tx, session.user, &settings).await?;
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
