//! POST /api/v1/totp/disable

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::userserver::account::proof::{Proof, hold, notify, step_up_twice};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Strict;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Password, RecoveryCode, SixDigits};
use crate::userserver::tables::{accounts, recovery};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpDisableRequest {
    password: Option<Password>,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// Turns the authenticator off: with the password and a code. Withdrawals are held for a day.
#[utoipa::path(post, path = "/api/v1/totp/disable", tag = "credentials", operation_id = "totp_disable", request_body = TotpDisableRequest,
    security(("session" = [])), responses((status = 204, description = "Off."), Refusals))]
pub async fn disable(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<TotpDisableRequest>,
) -> Result<StatusCode, Problem> {
    let proof = Proof {
        password: request.password.as_ref(),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let account = step_up_twice(&app, session.user, proof).await?;
    if !account.has_totp() {
        return Err(Problem::conflict("totp_disabled", "there is no authenticator"));
    }
    let mut write = app.write().await?;
    // The step stays, so that a secret that is added again takes no code of the past.
    let step = accounts::by_id(&mut write.tx, account.user).await?.map_or(account.totp_step, |now| now.totp_step);
    accounts::set_totp(&mut write.tx, account.user, "", "", step).await?;
    recovery::replace(&mut write.tx, account.user, &[]).await?;
    hold(&app, &mut write, &account).await?;
    write.commit().await?;
    notify(&app, &account, "The authenticator was removed from your account.").await?;
    Ok(StatusCode::NO_CONTENT)
}
