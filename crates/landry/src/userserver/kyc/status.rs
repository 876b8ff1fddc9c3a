//! GET /api/v1/kyc

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::DocumentBody;
use crate::userserver::account::proof::account_of;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::accounts::KycState;
use crate::userserver::tables::documents;

#[derive(Serialize, ToSchema)]
pub struct KycBody {
    level: u8,
    state: KycState,
    /// What the reviewer says.
    note: String,
    documents: Vec<DocumentBody>,
}

#[utoipa::path(get, path = "/api/v1/kyc", tag = "KYC", operation_id = "kyc", security(("session" = [])),
    responses((status = 200, description = "Level, state and documents.", body = KycBody), Refusals))]
pub async fn status(State(app): State<Arc<App>>, session: Session) -> Result<Json<KycBody>, Problem> {
    let account = account_of(&app, session.user).await?;
    let mut tx = app.read().await?;
    let rows = documents::of_user(&mut tx, session.user).await?;
    tx.commit().await?;
    Ok(Json(KycBody {
        level: account.kyc_level,
        state: account.kyc_state,
        note: account.kyc_note,
        documents: rows.into_iter().map(DocumentBody::new).collect(),
    }))
}
