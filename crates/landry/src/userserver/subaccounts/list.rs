//! GET /api/v1/sub-accounts

use std::sync::Arc;

use axum::extract::State;

use super::SubAccountBody;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::accounts;

#[utoipa::path(get, path = "/api/v1/sub-accounts", tag = "sub-accounts", operation_id = "sub_accounts", security(("session" = [])),
    responses((status = 200, description = "The sub-accounts.", body = Vec<SubAccountBody>), Refusals))]
pub async fn list(State(app): State<Arc<App>>, session: Session) -> Result<Json<Vec<SubAccountBody>>, Problem> {
    let mut tx = app.read().await?;
    let family = accounts::of_master(&mut tx, session.user).await?;
    tx.commit().await?;
    Ok(Json(family.iter().filter(|account| account.is_sub()).map(SubAccountBody::new).collect()))
}
