//! POST /api/v1/totp/confirm

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RecoveryCodes, renew};
use crate::userserver::account::proof::{account_of, hold, matching_step, notify};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::SixDigits;
use crate::userserver::limits::Attempt;
use crate::userserver::tables::accounts;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpConfirmRequest {
    /// What the authenticator shows.
    totp_code: SixDigits,
}

/// Turns the authenticator on. Withdrawals are held for a day.
#[utoipa::path(post, path = "/api/v1/totp/confirm", tag = "credentials", operation_id = "totp_confirm", request_body = TotpConfirmRequest,
    security(("session" = [])), responses((status = 200, description = "On.", body = RecoveryCodes), Refusals))]
pub async fn confirm(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<TotpConfirmRequest>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let name = format!("user {}", session.user.0);
    app.limits.take_account(Attempt::Credential, &name, app.now())?;
    let mut write = app.write().await?;
    let account = accounts::by_id(&mut write.tx, session.user).await?.ok_or_else(Problem::unauthorized)?;
    if account.totp_draft.is_empty() {
        return Err(Problem::conflict("totp_not_begun", "ask for a secret first"));
    }
    let step = matching_step(&app, &account, &account.totp_draft, &request.totp_code.0)?;
    let step = step.ok_or_else(|| Problem::forbidden("wrong_totp_code", "the code is wrong"))?;
    app.limits.give_back(Attempt::Credential, &name);
    accounts::set_totp(&mut write.tx, account.user, &account.totp_draft, "", step).await?;
    let codes = renew(&app, &mut write, &account).await?;
    hold(&app, &mut write, &account).await?;
    write.commit().await?;
    notify(&app, &account_of(&app, account.user).await?, "An authenticator was added to your account.").await?;
    Ok(Json(codes))
}
