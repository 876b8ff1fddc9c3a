//! POST /api/v1/passkeys/begin and /api/v1/passkeys/finish

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webauthn_rp::PublicKeyCredentialCreationOptions;
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::PublicKeyCredentialDescriptor;
use webauthn_rp::request::register::{PublicKeyCredentialUserEntity, RegistrationVerificationOptions, Username};
use webauthn_rp::response::register::ser_relaxed::RegistrationRelaxed;
use webauthn_rp::response::{AuthTransports, CredentialId};

use super::list::PasskeyBody;
use super::{Credential, PASSKEYS_MAX, handle, keep, name_of};
use crate::userserver::account::proof::{Proof, account_of, hold, notify, step_up};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{Label, Password, RecoveryCode, SixDigits};
use crate::userserver::tables::accounts;
use crate::userserver::tables::passkeys::{self, PasskeyRow};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyBeginRequest {
    password: Option<Password>,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// What the browser is called with.
#[derive(Serialize, ToSchema)]
pub struct PasskeyOptions {
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` of WebAuthn level 3.
    #[schema(value_type = Object)]
    pub public_key: serde_json::Value,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyFinishRequest {
    /// What the passkey is to be called.
    label: Label,
    /// `RegistrationResponseJSON` of WebAuthn level 3, as `toJSON()` of the browser gives it.
    #[schema(value_type = Object)]
    credential: Credential,
}

/// Begins to add a passkey.
#[utoipa::path(post, path = "/api/v1/passkeys/begin", tag = "credentials", request_body = PasskeyBeginRequest,
    operation_id = "passkey_begin", security(("session" = [])),
    responses((status = 200, description = "For navigator.credentials.create().", body = PasskeyOptions), Refusals))]
pub async fn begin(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<PasskeyBeginRequest>,
) -> Result<Json<PasskeyOptions>, Problem> {
    let proof = Proof {
        password: request.password.as_ref(),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let account = step_up(&app, session.user, proof).await?;
    let mut tx = app.read().await?;
    let email = accounts::email(&mut tx, account.user).await?;
    let rows = passkeys::of_user(&mut tx, account.user).await?;
    tx.commit().await?;
    if rows.len() >= PASSKEYS_MAX {
        return Err(Problem::conflict("too_many_passkeys", "the account has as many passkeys as it may"));
    }
    let broken = |error: String| Problem::broken("begin a passkey", error);
    let known: Result<Vec<_>, Problem> = rows
        .iter()
        .map(|row| {
            let id = URL_SAFE_NO_PAD.decode(&row.passkey).map_err(|error| broken(error.to_string()))?;
            let id = CredentialId::<Vec<u8>>::decode(id).map_err(|error| broken(error.to_string()))?;
            // None named: whichever way it may be reached.
            let transports = AuthTransports::decode(0).map_err(|error| broken(error.to_string()))?;
            Ok(PublicKeyCredentialDescriptor { id, transports })
        })
        .collect();
    let handle = handle(account.user);
    let user = PublicKeyCredentialUserEntity {
        name: Username::try_from(email.as_str()).map_err(|error| broken(error.to_string()))?,
        id: &handle,
        display_name: None,
    };
    let options = PublicKeyCredentialCreationOptions::passkey(&app.passkeys.party, user, known?);
    let (server, client) = options.start_ceremony().map_err(|error| broken(error.to_string()))?;
    let public_key = serde_json::to_value(&client).map_err(|error| broken(error.to_string()))?;
    keep(&app.passkeys.registrations, server)?;
    Ok(Json(PasskeyOptions { public_key }))
}

/// Adds the passkey that the browser made. Withdrawals are held for a day.
#[utoipa::path(post, path = "/api/v1/passkeys/finish", tag = "credentials", request_body = PasskeyFinishRequest,
    operation_id = "passkey_finish", security(("session" = [])),
    responses((status = 201, description = "Added.", body = PasskeyBody), Refusals))]
pub async fn finish(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<PasskeyFinishRequest>,
) -> Result<(StatusCode, Json<PasskeyBody>), Problem> {
    let row = verify(&app, &session, &request)?;
    let account = account_of(&app, session.user).await?;
    let mut write = app.write().await?;
    if passkeys::of_user(&mut write.tx, session.user).await?.len() >= PASSKEYS_MAX {
        return Err(Problem::conflict("too_many_passkeys", "the account has as many passkeys as it may"));
    }
    if passkeys::by_id(&mut write.tx, &row.passkey).await?.is_some() {
        return Err(wrong());
    }
    passkeys::insert(&mut write.tx, &row).await?;
    hold(&app, &mut write, &account).await?;
    write.commit().await?;
    notify(&app, &account, &format!("A passkey was added to your account: {}.", row.label)).await?;
    Ok((StatusCode::CREATED, Json(PasskeyBody::new(row))))
}

fn wrong() -> Problem {
    Problem::conflict("wrong_passkey", "this is no answer to a ceremony that was begun here in the last five minutes")
}

/// The row of a credential that answers a ceremony of this user.
fn verify(app: &App, session: &Session, request: &PasskeyFinishRequest) -> Result<PasskeyRow, Problem> {
    let RegistrationRelaxed(registration) = request.credential.read().ok_or_else(wrong)?;
    let challenge = registration.challenge_relaxed().map_err(|_| wrong())?;
    let ceremony = app.passkeys.registrations.lock().expect("no holder panics").take(&challenge).ok_or_else(wrong)?;
    let options = RegistrationVerificationOptions::<String, String> {
        allowed_origins: &app.passkeys.origins,
        error_on_unsolicited_extensions: false,
        ..Default::default()
    };
    let credential = ceremony.verify(&app.passkeys.party, &registration, &options).map_err(|error| {
        tracing::debug!(%error, "a passkey was refused");
        wrong()
    })?;
    if *credential.user_id() != handle(session.user) {
        return Err(wrong());
    }
    let (Ok(fixed), Ok(moving)) = (credential.static_state().encode(), credential.dynamic_state().encode());
    Ok(PasskeyRow {
        passkey: name_of(credential.id().as_ref()),
        user: session.user,
        label: request.label.0.clone(),
        fixed: STANDARD.encode(fixed),
        moving: STANDARD.encode(moving),
        created_at: app.now(),
        used_at: app.now(),
    })
}
