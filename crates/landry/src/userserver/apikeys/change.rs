//! PUT /api/v1/api-keys/{api_key}

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ApiKeyBody, Permission, Terms, owned_key, permissions_schema};
use crate::directory::ApiKey;
use crate::userserver::account::proof::{Proof, notify, step_up};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict, whole_number};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::{IpText, Label, Password, RecoveryCode, SixDigits};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeKeyRequest {
    label: Label,
    #[schema(schema_with = permissions_schema)]
    permissions: Vec<Permission>,
    #[schema(max_items = 30)]
    ip_ranges: Option<Vec<IpText>>,
    /// Milliseconds since the Unix epoch; left out: never.
    #[serde(default, deserialize_with = "whole_number")]
    expires_at: Option<u64>,
    password: Option<Password>,
    totp_code: Option<SixDigits>,
    recovery_code: Option<RecoveryCode>,
}

/// Sets label, permissions, addresses and expiry of a key.
#[utoipa::path(put, path = "/api/v1/api-keys/{api_key}", tag = "API keys", operation_id = "api_key_change", request_body = ChangeKeyRequest,
    security(("session" = [])), params(("api_key" = String, Path, pattern = "^[A-Za-z0-9]{64}$")),
    responses((status = 200, description = "The key as it is now.", body = ApiKeyBody), Refusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    session: Session,
    Path(api_key): Path<String>,
    Strict(request): Strict<ChangeKeyRequest>,
) -> Result<Json<ApiKeyBody>, Problem> {
    let ranges = request.ip_ranges.as_deref().unwrap_or(&[]);
    let terms = Terms::new(&app, &request.permissions, ranges, request.expires_at.unwrap_or(0))?;
    let mut tx = app.read().await?;
    owned_key(&app, &mut tx, session.user, &api_key).await?;
    tx.commit().await?;
    let proof = Proof {
        password: request.password.as_ref(),
        totp_code: request.totp_code.as_ref(),
        recovery_code: request.recovery_code.as_ref(),
    };
    let account = step_up(&app, session.user, proof).await?;
    let mut write = app.write().await?;
    // Again: it may have been revoked in between.
    let before = owned_key(&app, &mut write.tx, session.user, &api_key).await?;
    let Terms { permissions, ip_ranges, expires_at } = terms;
    let key = ApiKey { label: request.label.0.into(), permissions, ip_ranges, expires_at, ..before };
    let body = ApiKeyBody::new(&key);
    write.update_key(key).await?;
    write.commit().await?;
    notify(&app, &account, &format!("An API key was changed: {}.", body.label)).await?;
    Ok(Json(body))
}
