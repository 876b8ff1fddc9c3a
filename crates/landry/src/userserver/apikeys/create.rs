//! POST /api/v1/api-keys

use std::sync::Arc;

use allin_core::ids::UserId;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiKeyBody, KeyKind, Permission, Terms, owned, permissions_schema};
use crate::directory::{ApiKey, Verifier};
use crate::userserver::account::proof::{Proof, notify, step_up};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict, whole_number};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{IpText, Label, Password, Pem, RecoveryCode, SixDigits};
use crate::userserver::secrets::{public_key, random};
use crate::userserver::tables::api_keys;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKeyRequest {
    label: Label,
    kind: KeyKind,
    /// PEM (SubjectPublicKeyInfo); for `ed25519` and `rsa` (2048 to 4096 bits) only.
    public_key: Option<Pem>,
    #[schema(schema_with = permissions_schema)]
    permissions: Vec<Permission>,
    /// Addresses, or ranges as `ADDRESS/BITS`. Left out: from anywhere, which a key that withdraws may not be.
    #[schema(max_items = 30)]
    ip_ranges: Option<Vec<IpText>>,
    /// Milliseconds since the Unix epoch; left out: never.
    #[serde(default, deserialize_with = "whole_number")]
    expires_at: Option<u64>,
    /// The sub-account that the key is for; left out: the caller's own account.
    #[serde(default, deserialize_with = "whole_number")]
    sub_account: Option<u64>,
    password: Option<Password>,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedKey {
    api_key: String,
    /// Of an HMAC key; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_secret: Option<String>,
    key: ApiKeyBody,
}

/// Makes an API key. Wants a code of the authenticator, or the password where there is none.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "API keys", operation_id = "api_key_create", request_body = CreateKeyRequest,
    security(("session" = [])), responses((status = 201, description = "The key.", body = CreatedKey), Refusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<CreateKeyRequest>,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    let ranges = request.ip_ranges.as_deref().unwrap_or(&[]);
    let terms = Terms::new(&app, &request.permissions, ranges, request.expires_at.unwrap_or(0))?;
    let (verifier, api_secret) = verifier(request.kind, request.public_key.as_ref())?;
    let proof = Proof {
        password: request.password.as_ref(),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let account = step_up(&app, session.user, proof).await?;

    let mut write = app.write().await?;
    let user = request.sub_account.map_or(session.user, UserId);
    owned(&mut write.tx, session.user, user).await?;
    if api_keys::of_user(&mut write.tx, &app.vault, user).await?.len() >= app.config.api_keys_max as usize {
        return Err(Problem::conflict("too_many_api_keys", "the account has as many API keys as it may"));
    }
    let Terms { permissions, ip_ranges, expires_at } = terms;
    let key = ApiKey {
        key: random::api_key().into(),
        user,
        label: request.label.0.into(),
        verifier,
        permissions,
        ip_ranges,
        created_at: app.now(),
        expires_at,
    };
    let body = ApiKeyBody::new(&key);
    write.insert_key(key).await?;
    write.commit().await?;
    notify(&app, &account, &format!("An API key was made: {}.", body.label)).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { api_key: body.api_key.clone(), api_secret, key: body })))
}

/// What signatures are verified with, and the secret to show.
fn verifier(kind: KeyKind, pem: Option<&Pem>) -> Result<(Verifier, Option<String>), Problem> {
    let unfit = |why: &'static str| Problem::conflict("wrong_public_key", why);
    match (kind, pem) {
        (KeyKind::Hmac, None) => {
            let secret = random::api_key();
            Ok((Verifier::HmacSha256(secret.as_bytes().into()), Some(secret)))
        }
        (KeyKind::Hmac, Some(_)) => Err(unfit("an HMAC key has no public key")),
        (_, None) => Err(unfit("this kind of key needs your public key")),
        (_, Some(pem)) => {
            let verifier = public_key::parse(&pem.0).map_err(unfit)?;
            let fits = matches!(
                (&verifier, kind),
                (Verifier::Ed25519(_), KeyKind::Ed25519) | (Verifier::Rsa(_), KeyKind::Rsa)
            );
            if fits { Ok((verifier, None)) } else { Err(unfit("the public key is of another kind")) }
        }
    }
}
