//! GET and PUT /api/v1/preferences

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
use crate::userserver::http::text::{Currency, Language};
use crate::userserver::tables::settings;

#[derive(Serialize, ToSchema)]
pub struct Preferences {
    language: String,
    theme: String,
    /// In which totals are shown.
    currency: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesRequest {
    language: Language,
    theme: Theme,
    currency: Currency,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

#[utoipa::path(get, path = "/api/v1/preferences", tag = "account", security(("session" = [])),
    responses((status = 200, description = "The preferences.", body = Preferences), Refusals))]
pub async fn preferences(State(app): State<Arc<App>>, session: Session) -> Result<Json<Preferences>, Problem> {
    let mut tx = app.read().await?;
    let settings = settings::load(&mut tx, session.user).await?;
    tx.commit().await?;
    Ok(Json(Preferences { language: settings.language, theme: settings.theme, currency: settings.currency }))
}

#[utoipa::path(put, path = "/api/v1/preferences", tag = "account", request_body = PreferencesRequest,
    security(("session" = [])), responses((status = 204, description = "Set."), Refusals))]
pub async fn set_preferences(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<PreferencesRequest>,
) -> Result<StatusCode, Problem> {
    let mut write = app.write().await?;
    let mut settings = settings::load(&mut write.tx, session.user).await?;
    settings.language = request.language.0;
    settings.theme = request.theme.name().to_owned();
    settings.currency = request.currency.0;
    settings::save(&mut write.tx, session.user, &settings).await?;
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
