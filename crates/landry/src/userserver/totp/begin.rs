//! POST /api/v1/totp/begin

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::userserver::account::proof::{Proof, step_up, totp, totp_owner};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::Password;
use crate::userserver::secrets::random;
use crate::userserver::tables::accounts;

/// RFC 4226: 160 bits.
const SECRET_BYTES: usize = 20;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpBeginRequest {
    password: Option<Password>,
}

#[derive(Serialize, ToSchema)]
pub struct TotpBegun {
    /// Base32, for typing it in.
    secret: String,
    /// `otpauth://…`, for a QR code.
    url: String,
}

/// Makes a secret for an authenticator. It counts once a code of it has come to `/totp/confirm`.
#[utoipa::path(post, path = "/api/v1/totp/begin", tag = "credentials", operation_id = "totp_begin", request_body = TotpBeginRequest,
    security(("session" = [])), responses((status = 200, description = "A secret, shown once.", body = TotpBegun), Refusals))]
pub async fn begin(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<TotpBeginRequest>,
) -> Result<Json<TotpBegun>, Problem> {
    let proof = Proof { password: request.password.as_ref(), totp_code: None, recovery_code: None };
    let before = crate::userserver::account::proof::account_of(&app, session.user).await?;
    if before.has_totp() {
        return Err(Problem::conflict("totp_enabled", "disable the present authenticator first"));
    }
    let account = step_up(&app, session.user, proof).await?;
    let secret = random::bytes::<SECRET_BYTES>().to_vec();
    let sealed = app.vault.seal(&totp_owner(account.user), &secret);
    let mut write = app.write().await?;
    let email = accounts::email(&mut write.tx, account.user).await?;
    // The account may have changed since it was read.
    let now = accounts::by_id(&mut write.tx, account.user).await?.ok_or_else(Problem::unauthorized)?;
    accounts::set_totp(&mut write.tx, account.user, &now.totp, &sealed, now.totp_step).await?;
    write.commit().await?;
    let totp = totp(secret, &email);
    Ok(Json(TotpBegun { secret: totp.get_secret_base32(), url: totp.get_url() }))
}
