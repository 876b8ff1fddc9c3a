//! POST /internal/v1/users/{user_id}/demo

use std::sync::Arc;

use axum::extract::{Path, State};

use super::named;
use super::user::{UserBody, shown};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::accounts;

/// Marks an account, with its sub-accounts, as one of the demonstration. There is no way back: its money is worth nothing.
#[utoipa::path(post, path = "/internal/v1/users/{user_id}/demo", tag = "internal", operation_id = "internal_demo", security(("internal" = [])),
    params(("user_id" = u64, Path)), responses((status = 200, description = "Marked.", body = UserBody), Refusals))]
pub async fn demo(State(app): State<Arc<App>>, Path(user_id): Path<String>) -> Result<Json<UserBody>, Problem> {
    let mut write = app.write().await?;
    let account = named(&mut write.tx, &user_id).await?;
    accounts::set_demo(&mut write.tx, account.master).await?;
    write.account_changes(account.master);
    write.commit().await?;
    shown(&app, &user_id).await
}
