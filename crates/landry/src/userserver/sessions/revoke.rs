//! POST /api/v1/logout, DELETE /api/v1/sessions/{session_id}, POST /api/v1/sessions/revoke-others

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::sessions;

/// Ends the session of this request.
#[utoipa::path(post, path = "/api/v1/logout", tag = "sessions", security(("session" = [])),
    responses((status = 204, description = "Logged out."), Refusals))]
pub async fn logout(State(app): State<Arc<App>>, session: Session) -> Result<StatusCode, Problem> {
    end(&app, &session, &session.session).await
}

/// Ends one session of the caller's.
#[utoipa::path(delete, path = "/api/v1/sessions/{session_id}", tag = "sessions",
    operation_id = "session_revoke", security(("session" = [])),
    params(("session_id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses((status = 204, description = "Ended."), Refusals))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    session: Session,
    Path(session_id): Path<String>,
) -> Result<StatusCode, Problem> {
    end(&app, &session, &session_id).await
}

async fn end(app: &App, session: &Session, session_id: &str) -> Result<StatusCode, Problem> {
    let mut write = app.write().await?;
    let ended = sessions::delete(&mut write.tx, session.user, session_id).await?;
    write.commit().await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Ends all sessions but that of this request.
#[utoipa::path(post, path = "/api/v1/sessions/revoke-others", tag = "sessions", security(("session" = [])),
    responses((status = 204, description = "Ended."), Refusals))]
pub async fn revoke_others(State(app): State<Arc<App>>, session: Session) -> Result<StatusCode, Problem> {
    let mut write = app.write().await?;
    sessions::delete_others(&mut write.tx, session.user, &session.session).await?;
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
