//! POST /api/v1/passkeys/{passkey_id}/remove

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::userserver::account::proof::{Proof, hold, notify, step_up};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Strict;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Password, RecoveryCode, SixDigits};
use crate::userserver::tables::passkeys;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyRemoveRequest {
    password: Option<Password>,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// Removes a passkey. Withdrawals are held for a day.
#[utoipa::path(post, path = "/api/v1/passkeys/{passkey_id}/remove", tag = "credentials", operation_id = "passkey_remove",
    request_body = PasskeyRemoveRequest, security(("session" = [])),
    params(("passkey_id" = String, Path, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 204, description = "Removed."), Refusals))]
pub async fn remove(
    State(app): State<Arc<App>>,
    session: Session,
    Path(passkey_id): Path<String>,
    Strict(request): Strict<PasskeyRemoveRequest>,
) -> Result<StatusCode, Problem> {
    let proof = Proof {
        password: request.password.as_ref(),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let mut tx = app.read().await?;
    let row = passkeys::by_id(&mut tx, &passkey_id).await?.filter(|row| row.user == session.user);
    tx.commit().await?;
    let row = row.ok_or_else(Problem::not_found)?;
    let account = step_up(&app, session.user, proof).await?;
    let mut write = app.write().await?;
    if !passkeys::delete(&mut write.tx, session.user, &row.passkey).await? {
        return Err(Problem::not_found());
    }
    hold(&app, &mut write, &account).await?;
    write.commit().await?;
    notify(&app, &account, &format!("A passkey was removed from your account: {}.", row.label)).await?;
    Ok(StatusCode::NO_CONTENT)
}
