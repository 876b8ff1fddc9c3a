//! PUT /api/v1/anti-phishing

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::proof::{Proof, step_up};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Strict;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{AntiPhishing, Password, RecoveryCode, SixDigits};
use crate::userserver::tables::accounts;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AntiPhishingRequest {
    /// Left out: no code any more.
    anti_phishing: Option<AntiPhishing>,
    password: Option<Password>,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// Sets the word that every mail to this account will show. It is never shown here, so that a thief of a session does not
/// learn it.
#[utoipa::path(put, path = "/api/v1/anti-phishing", tag = "credentials", request_body = AntiPhishingRequest,
    security(("session" = [])), responses((status = 204, description = "Set."), Refusals))]
pub async fn set_anti_phishing(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<AntiPhishingRequest>,
) -> Result<StatusCode, Problem> {
    let proof = Proof {
        password: request.password.as_ref(),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let account = step_up(&app, session.user, proof).await?;
    let code = request.anti_phishing.map_or(String::new(), |code| code.0);
    let mut write = app.write().await?;
    accounts::set_anti_phishing(&mut write.tx, account.user, &code).await?;
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
