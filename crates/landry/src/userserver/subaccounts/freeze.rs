//! PUT /api/v1/sub-accounts/{user_id}/freeze

use std::sync::Arc;

use allin_core::ids::UserId;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::SubAccountBody;
use crate::userserver::apikeys::owned;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::accounts;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    pub frozen: bool,
}

/// Freezes a sub-account, or ends that. What is frozen places no orders.
#[utoipa::path(put, path = "/api/v1/sub-accounts/{user_id}/freeze", tag = "sub-accounts", operation_id = "sub_account_freeze", request_body = FreezeRequest,
    security(("session" = [])), params(("user_id" = u64, Path)),
    responses((status = 200, description = "The sub-account as it is now.", body = SubAccountBody), Refusals))]
pub async fn freeze(
    State(app): State<Arc<App>>,
    session: Session,
    Path(user_id): Path<String>,
    Strict(request): Strict<FreezeRequest>,
) -> Result<Json<SubAccountBody>, Problem> {
    let user = user_id.parse().map(UserId).map_err(|_| Problem::not_found())?;
    let mut write = app.write().await?;
    if !owned(&mut write.tx, session.user, user).await?.is_sub() {
        return Err(Problem::not_found());
    }
    accounts::set_frozen(&mut write.tx, user, request.frozen).await?;
    write.account_changes(session.user);
    let account = accounts::by_id(&mut write.tx, user).await?.ok_or_else(Problem::not_found)?;
    write.commit().await?;
    app.tell_engine(&[user]).await;
    Ok(Json(SubAccountBody::new(&account)))
}
