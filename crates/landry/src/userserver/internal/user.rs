//! GET /internal/v1/users/{user_id}

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::named;
use crate::userserver::account::ms;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::accounts::{self, Account, KycState};

#[derive(Serialize, ToSchema)]
pub struct UserBody {
    user_id: u64,
    /// Itself, unless it is a sub-account.
    master_id: u64,
    /// Empty for sub-accounts.
    email: String,
    label: String,
    created_at: u64,
    /// Frozen itself, or with its master.
    frozen: bool,
    closed: bool,
    demo: bool,
    kyc_level: u8,
    kyc_state: KycState,
    kyc_note: String,
    withdrawals_held_until: u64,
    /// Whether the engine knows of the account as it is.
    engine_knows: bool,
}

impl UserBody {
    pub fn new(account: Account, email: String) -> UserBody {
        UserBody {
            user_id: account.user.0,
            master_id: account.master.0,
            email,
            created_at: ms(account.created_at),
            frozen: account.frozen || account.master_frozen,
            closed: account.closed,
            demo: account.demo,
            kyc_level: account.kyc_level,
            kyc_state: account.kyc_state,
            withdrawals_held_until: ms(account.held_until),
            engine_knows: account.engine_wanted == account.engine_done,
            label: account.label,
            kyc_note: account.kyc_note,
        }
    }
}

/// An account as it is now.
pub async fn shown(app: &App, user_id: &str) -> Result<Json<UserBody>, Problem> {
    let mut tx = app.read().await?;
    let account = named(&mut tx, user_id).await?;
    let email = accounts::email(&mut tx, account.user).await?;
    tx.commit().await?;
    Ok(Json(UserBody::new(account, email)))
}

#[utoipa::path(get, path = "/internal/v1/users/{user_id}", tag = "internal", operation_id = "internal_user", security(("internal" = [])),
    params(("user_id" = u64, Path)), responses((status = 200, description = "The account.", body = UserBody), Refusals))]
pub async fn user(State(app): State<Arc<App>>, Path(user_id): Path<String>) -> Result<Json<UserBody>, Problem> {
    shown(&app, &user_id).await
}
