//! GET and PUT /api/v1/notifications

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::settings;

/// What is mailed. Codes and security notices always are.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// A login from an address that was not seen before.
    login: bool,
    trade: bool,
    news: bool,
}

#[utoipa::path(get, path = "/api/v1/notifications", tag = "account", security(("session" = [])),
    responses((status = 200, description = "What is mailed.", body = Notifications), Refusals))]
pub async fn notifications(State(app): State<Arc<App>>, session: Session) -> Result<Json<Notifications>, Problem> {
    let mut tx = app.read().await?;
    let settings = settings::load(&mut tx, session.user).await?;
    tx.commit().await?;
    let (login, trade, news) = (settings.notify_login, settings.notify_trade, settings.notify_news);
    Ok(Json(Notifications { login, trade, news }))
}

#[utoipa::path(put, path = "/api/v1/notifications", tag = "account", request_body = Notifications,
    security(("session" = [])), responses((status = 204, description = "Set."), Refusals))]
pub async fn set_notifications(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<Notifications>,
) -> Result<StatusCode, Problem> {
    let mut write = app.write().await?;
    let mut settings = settings::load(&mut write.tx, session.user).await?;
    settings.notify_login = request.login;
    settings.notify_trade = request.trade;
    settings.notify_news = request.news;
    settings::save(&mut write.tx, session.user, &settings).await?;
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
