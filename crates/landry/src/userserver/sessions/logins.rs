//! GET /api/v1/logins

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::userserver::account::ms;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::logins::{self, LoginMethod, Outcome};

#[derive(Serialize, ToSchema)]
pub struct LoginBody {
    at: u64,
    outcome: Outcome,
    method: LoginMethod,
    address: String,
    user_agent: String,
}

/// The newest hundred logins, newest first, also those that failed.
#[utoipa::path(get, path = "/api/v1/logins", tag = "sessions", security(("session" = [])),
    responses((status = 200, description = "The logins.", body = Vec<LoginBody>), Refusals))]
pub async fn logins(State(app): State<Arc<App>>, session: Session) -> Result<Json<Vec<LoginBody>>, Problem> {
    let mut tx = app.read().await?;
    let rows = logins::of_user(&mut tx, session.user).await?;
    tx.commit().await?;
    let body = rows.into_iter().map(|row| LoginBody {
        at: ms(row.at),
        outcome: row.outcome,
        method: row.method,
        address: row.address,
        user_agent: row.agent,
    });
    Ok(Json(body.collect()))
}
