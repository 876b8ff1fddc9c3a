//! PUT /internal/v1/users/{user_id}/freeze

use std::sync::Arc;

use axum::extract::{Path, State};

use super::user::{UserBody, shown};
use super::{family, named};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::openapi::Refusals;
use crate::userserver::subaccounts::freeze::FreezeRequest;
use crate::userserver::tables::accounts;

/// Freezes an account with its sub-accounts, or ends that. What is frozen places no orders and withdraws nothing.
#[utoipa::path(put, path = "/internal/v1/users/{user_id}/freeze", tag = "internal", operation_id = "internal_freeze", security(("internal" = [])),
    request_body = FreezeRequest, params(("user_id" = u64, Path)),
    responses((status = 200, description = "The account as it is now.", body = UserBody), Refusals))]
pub async fn freeze(
    State(app): State<Arc<App>>,
    Path(user_id): Path<String>,
    Strict(request): Strict<FreezeRequest>,
) -> Result<Json<UserBody>, Problem> {
    let mut write = app.write().await?;
    let account = named(&mut write.tx, &user_id).await?;
    accounts::set_frozen(&mut write.tx, account.user, request.frozen).await?;
    let touched = family(&mut write.tx, &account).await?;
    write.account_changes(account.master);
    write.commit().await?;
    app.tell_engine(&touched).await;
    shown(&app, &user_id).await
}
