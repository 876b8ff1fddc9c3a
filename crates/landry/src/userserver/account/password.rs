//! POST /api/v1/password

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::proof::{Proof, hold, notify, step_up_twice};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Strict;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Password, RecoveryCode, SixDigits};
use crate::userserver::tables::{accounts, sessions};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The present one.
    password: Password,
    new_password: Password,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// Changes the password. All other sessions end, and withdrawals are held for a day.
#[utoipa::path(post, path = "/api/v1/password", tag = "credentials", request_body = PasswordRequest,
    security(("session" = [])), responses((status = 204, description = "Changed."), Refusals))]
pub async fn change_password(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<PasswordRequest>,
) -> Result<StatusCode, Problem> {
    let proof = Proof {
        password: Some(&request.password),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let account = step_up_twice(&app, session.user, proof).await?;
    let hash = app.hasher.hash(&request.new_password.0).await?;
    let mut write = app.write().await?;
    accounts::set_password(&mut write.tx, account.user, &hash).await?;
    sessions::delete_others(&mut write.tx, account.user, &session.session).await?;
    hold(&app, &mut write, &account).await?;
    write.commit().await?;
    notify(&app, &account, "Your password was changed.").await?;
    Ok(StatusCode::NO_CONTENT)
}
