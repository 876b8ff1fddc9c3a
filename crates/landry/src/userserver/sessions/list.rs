//! GET /api/v1/sessions

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
use crate::userserver::tables::sessions;

#[derive(Serialize, ToSchema)]
pub struct SessionBody {
    session_id: String,
    /// What the user called it.
    device: String,
    user_agent: String,
    /// Address of the login.
    address: String,
    created_at: u64,
    last_used_at: u64,
    expires_at: u64,
    /// The session of this request.
    is_current: bool,
}

/// Where the account is logged in, newest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", operation_id = "sessions", security(("session" = [])),
    responses((status = 200, description = "The sessions.", body = Vec<SessionBody>), Refusals))]
pub async fn list(State(app): State<Arc<App>>, session: Session) -> Result<Json<Vec<SessionBody>>, Problem> {
    let mut tx = app.read().await?;
    let rows = sessions::of_user(&mut tx, session.user, app.now()).await?;
    tx.commit().await?;
    let body = rows.into_iter().map(|row| SessionBody {
        is_current: row.session == session.session,
        session_id: row.session,
        device: row.device,
        user_agent: row.agent,
        address: row.address,
        created_at: ms(row.created_at),
        last_used_at: ms(row.seen_at),
        expires_at: ms(row.expires_at),
    });
    Ok(Json(body.collect()))
}
