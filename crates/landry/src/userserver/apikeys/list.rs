//! GET /api/v1/api-keys

use std::sync::Arc;

use axum::extract::State;

use super::ApiKeyBody;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::{accounts, api_keys};

/// The API keys of the account and of its sub-accounts, oldest first. No secrets.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "API keys", operation_id = "api_keys", security(("session" = [])),
    responses((status = 200, description = "The keys.", body = Vec<ApiKeyBody>), Refusals))]
pub async fn list(State(app): State<Arc<App>>, session: Session) -> Result<Json<Vec<ApiKeyBody>>, Problem> {
    let mut tx = app.read().await?;
    let mut body = Vec::new();
    for account in accounts::of_master(&mut tx, session.user).await? {
        let keys = api_keys::of_user(&mut tx, &app.vault, account.user).await?;
        body.extend(keys.iter().map(ApiKeyBody::new));
    }
    tx.commit().await?;
    Ok(Json(body))
}
