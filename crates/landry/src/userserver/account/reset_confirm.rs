//! POST /api/v1/password/reset/confirm

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::confirm::{spend, wrong};
use super::proof::{Proof, hold, notify, second_factor};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Strict;
use crate::userserver::http::caller::Client;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Password, RecoveryCode, SixDigits, Token};
use crate::userserver::limits::Attempt;
use crate::userserver::tables::codes::{self, Purpose};
use crate::userserver::tables::{accounts, sessions};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetConfirmRequest {
    /// From the answer to the request for a reset.
    reset: Token,
    /// From the mail.
    code: SixDigits,
    new_password: Password,
    /// Where the account has an authenticator: its code, or a recovery code.
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// Sets a new password with a code from a mail. All sessions end, and withdrawals are held for a day.
#[utoipa::path(post, path = "/api/v1/password/reset/confirm", tag = "credentials", request_body = ResetConfirmRequest,
    responses((status = 204, description = "Changed; log in with the new password."), Refusals))]
pub async fn reset_confirm(
    State(app): State<Arc<App>>,
    client: Client,
    Strict(request): Strict<ResetConfirmRequest>,
) -> Result<StatusCode, Problem> {
    app.limits.take_address(Attempt::Credential, client.address, app.now())?;
    let hash = app.hasher.hash(&request.new_password.0).await?;
    let mut write = app.write().await?;
    let pending = spend(&app, &mut write, Purpose::Reset, &request.reset.0, &request.code.0).await?;
    let account = match &pending {
        None => None,
        Some(pending) => accounts::by_email(&mut write.tx, &pending.email).await?.filter(|account| !account.closed),
    };
    // The attempt counts, whatever comes of it.
    write.commit().await?;
    let (Some(pending), Some(account)) = (pending, account) else { return Err(wrong()) };

    let proof =
        Proof { password: None, totp_code: request.totp_code.as_ref(), recovery_code: request.recovery_code.as_ref() };
    second_factor(&app, &account, proof).await?;
    let mut write = app.write().await?;
    // Not twice: whoever was first with this code has taken it.
    if codes::by_token(&mut write.tx, Purpose::Reset, &request.reset.0).await?.is_none() {
        return Err(wrong());
    }
    accounts::set_password(&mut write.tx, account.user, &hash).await?;
    codes::delete_of(&mut write.tx, Purpose::Reset, &pending.email).await?;
    sessions::delete_others(&mut write.tx, account.user, "").await?;
    hold(&app, &mut write, &account).await?;
    write.commit().await?;
    notify(&app, &account, "Your password was reset.").await?;
    Ok(StatusCode::NO_CONTENT)
}
