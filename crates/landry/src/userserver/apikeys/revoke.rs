//! DELETE /api/v1/api-keys/{api_key}

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::owned_key;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;

/// Revokes a key: it signs nothing any more when this is answered. Wants no further proof, so that nothing stands in the
/// way of whoever must be quick.
#[utoipa::path(delete, path = "/api/v1/api-keys/{api_key}", tag = "API keys", operation_id = "api_key_revoke", security(("session" = [])),
    params(("api_key" = String, Path, pattern = "^[A-Za-z0-9]{64}$")),
    responses((status = 204, description = "Revoked."), Refusals))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    session: Session,
    Path(api_key): Path<String>,
) -> Result<StatusCode, Problem> {
    let mut write = app.write().await?;
    let key = owned_key(&app, &mut write.tx, session.user, &api_key).await?;
    write.delete_key(&key.key).await?;
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
