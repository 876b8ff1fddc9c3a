//! POST /api/v1/passkeys/login/begin and /api/v1/passkeys/login/finish

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use utoipa::ToSchema;
use webauthn_rp::bin::Encode as _;
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::response::auth::ser_relaxed::AuthenticationRelaxed;
use webauthn_rp::{AuthenticatedCredential, DiscoverableCredentialRequestOptions};

use super::register::PasskeyOptions;
use super::{Credential, HANDLE_BYTES, fixed_state, handle, keep, moving_state, name_of};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Client;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::Label;
use crate::userserver::limits::Attempt;
use crate::userserver::sessions::open::{NewSession, open};
use crate::userserver::tables::logins::LoginMethod;
use crate::userserver::tables::{accounts, passkeys};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyLoginRequest {
    /// `AuthenticationResponseJSON` of WebAuthn level 3, as `toJSON()` of the browser gives it.
    #[schema(value_type = Object)]
    credential: Credential,
    /// What this session is to be called in the list of sessions.
    device: Option<Label>,
}

/// Begins a login with a passkey. Whose it is the passkey will say.
#[utoipa::path(post, path = "/api/v1/passkeys/login/begin", tag = "sessions", operation_id = "passkey_login_begin",
    responses((status = 200, description = "For navigator.credentials.get().", body = PasskeyOptions), Refusals))]
pub async fn begin(State(app): State<Arc<App>>, client: Client) -> Result<Json<PasskeyOptions>, Problem> {
    app.limits.take_address(Attempt::Credential, client.address, app.now())?;
    let broken = |error: String| Problem::broken("begin a login with a passkey", error);
    let options = DiscoverableCredentialRequestOptions::passkey(&app.passkeys.party);
    let (server, client) = options.start_ceremony().map_err(|error| broken(error.to_string()))?;
    let public_key = serde_json::to_value(&client).map_err(|error| broken(error.to_string()))?;
    keep(&app.passkeys.logins, server)?;
    Ok(Json(PasskeyOptions { public_key }))
}

/// Logs in with a passkey. It is possession and knowledge in one, so no code of an authenticator is asked for.
#[utoipa::path(post, path = "/api/v1/passkeys/login/finish", tag = "sessions", operation_id = "passkey_login_finish",
    request_body = PasskeyLoginRequest,
    responses((status = 200, description = "Logged in.", body = NewSession), Refusals))]
pub async fn finish(
    State(app): State<Arc<App>>,
    client: Client,
    Strict(request): Strict<PasskeyLoginRequest>,
) -> Result<Json<NewSession>, Problem> {
    app.limits.take_address(Attempt::Credential, client.address, app.now())?;
    let AuthenticationRelaxed::<HANDLE_BYTES, true>(answer) = request.credential.read().ok_or_else(wrong)?;
    let answer = &answer;
    let challenge = answer.challenge_relaxed().map_err(|_| wrong())?;
    let ceremony = app.passkeys.logins.lock().expect("no holder panics").take(&challenge).ok_or_else(wrong)?;
    let name = name_of(answer.raw_id().as_ref());

    // From reading the counter of the credential to writing it nobody else may come between.
    let mut write = app.write().await?;
    let row = passkeys::by_id(&mut write.tx, &name).await?.ok_or_else(wrong)?;
    let account = accounts::by_id(&mut write.tx, row.user).await?;
    let account = account.filter(|account| !account.closed).ok_or_else(wrong)?;
    let handle = handle(row.user);
    let mut credential =
        AuthenticatedCredential::new(answer.raw_id(), &handle, fixed_state(&row)?, moving_state(&row)?)
            .map_err(|error| Problem::broken("read a passkey", error))?;
    let options = AuthenticationVerificationOptions::<String, String> {
        allowed_origins: &app.passkeys.origins,
        error_on_unsolicited_extensions: false,
        ..Default::default()
    };
    ceremony.verify(&app.passkeys.party, answer, &mut credential, &options).map_err(|error| {
        tracing::debug!(%error, "a login with a passkey was refused");
        wrong()
    })?;
    let Ok(moving) = credential.dynamic_state().encode();
    passkeys::used(&mut write.tx, &name, &STANDARD.encode(moving), app.now()).await?;
    let device = request.device.as_ref();
    let session = open(&app, &mut write, account.user, &client, device, LoginMethod::Passkey).await?;
    write.commit().await?;
    Ok(Json(session))
}

fn wrong() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", "the passkey is unknown, or its answer is wrong")
}
