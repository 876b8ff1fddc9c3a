//! POST /internal/v1/users/{user_id}/close

use std::sync::Arc;

use axum::extract::{Path, State};

use super::user::{UserBody, shown};
use super::{family, named};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::{accounts, api_keys, sessions};

/// Closes an account with its sub-accounts: no login, no key, no order. What it owns stays where it is.
#[utoipa::path(post, path = "/internal/v1/users/{user_id}/close", tag = "internal", operation_id = "internal_close", security(("internal" = [])),
    params(("user_id" = u64, Path)),
    responses((status = 200, description = "The account as it is now.", body = UserBody), Refusals))]
pub async fn close(State(app): State<Arc<App>>, Path(user_id): Path<String>) -> Result<Json<UserBody>, Problem> {
    let mut write = app.write().await?;
    let account = named(&mut write.tx, &user_id).await?;
    accounts::set_closed(&mut write.tx, account.user).await?;
    let touched = family(&mut write.tx, &account).await?;
    for user in &touched {
        sessions::delete_others(&mut write.tx, *user, "").await?;
        for key in api_keys::of_user(&mut write.tx, &app.vault, *user).await? {
            write.delete_key(&key.key).await?;
        }
    }
    write.account_changes(account.master);
    write.commit().await?;
    app.tell_engine(&touched).await;
    shown(&app, &user_id).await
}
