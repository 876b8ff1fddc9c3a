//! GET /api/v1/referral

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::proof::account_of;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::accounts;

#[derive(Serialize, ToSchema)]
pub struct ReferralBody {
    /// For those who register.
    referral_code: String,
    /// How many have.
    referred: u64,
}

#[utoipa::path(get, path = "/api/v1/referral", tag = "account", security(("session" = [])),
    responses((status = 200, description = "The referral code.", body = ReferralBody), Refusals))]
pub async fn referral(State(app): State<Arc<App>>, session: Session) -> Result<Json<ReferralBody>, Problem> {
    let account = account_of(&app, session.user).await?;
    let mut tx = app.read().await?;
    let referred = accounts::referred_count(&mut tx, session.user).await?;
    tx.commit().await?;
    Ok(Json(ReferralBody { referral_code: account.referral_code, referred }))
}
