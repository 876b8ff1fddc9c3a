//! POST /api/v1/totp/recovery-codes

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RecoveryCodes, renew};
use crate::userserver::account::proof::{Proof, hold, notify, step_up};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Password, RecoveryCode, SixDigits};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryCodesRequest {
    password: Option<Password>,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// Gives ten new recovery codes in place of the old ones. Withdrawals are held for a day.
#[utoipa::path(post, path = "/api/v1/totp/recovery-codes", tag = "credentials", request_body = RecoveryCodesRequest,
    security(("session" = [])), responses((status = 200, description = "New codes.", body = RecoveryCodes), Refusals))]
pub async fn recovery_codes(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<RecoveryCodesRequest>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let proof = Proof {
        password: request.password.as_ref(),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let account = step_up(&app, session.user, proof).await?;
    if !account.has_totp() {
        return Err(Problem::conflict("totp_disabled", "there is no authenticator that they would replace"));
    }
    let mut write = app.write().await?;
    let codes = renew(&app, &mut write, &account).await?;
    hold(&app, &mut write, &account).await?;
    write.commit().await?;
    notify(&app, &account, "Your recovery codes were replaced.").await?;
    Ok(Json(codes))
}
