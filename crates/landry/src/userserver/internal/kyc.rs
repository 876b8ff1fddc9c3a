//! GET and POST /internal/v1/users/{user_id}/kyc, GET /internal/v1/users/{user_id}/kyc/{document_id}

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::named;
use super::user::{UserBody, shown};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict, whole_number};
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::Note;
use crate::userserver::kyc::{DocumentBody, files};
use crate::userserver::tables::accounts::{self, KycState};
use crate::userserver::tables::documents;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    decision: Decision,
    /// The level from now on, when approved.
    #[schema(value_type = u8, maximum = 9)]
    #[serde(deserialize_with = "whole_number")]
    level: Option<u64>,
    /// What the user is told.
    note: Note,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    Approved,
    Rejected,
}

/// The documents of an account.
#[utoipa::path(get, path = "/internal/v1/users/{user_id}/kyc", tag = "internal", operation_id = "internal_kyc", security(("internal" = [])),
    params(("user_id" = u64, Path)),
    responses((status = 200, description = "The documents.", body = Vec<DocumentBody>), Refusals))]
pub async fn documents(
    State(app): State<Arc<App>>,
    Path(user_id): Path<String>,
) -> Result<Json<Vec<DocumentBody>>, Problem> {
    let mut tx = app.read().await?;
    let account = named(&mut tx, &user_id).await?;
    let rows = documents::of_user(&mut tx, account.user).await?;
    tx.commit().await?;
    Ok(Json(rows.into_iter().map(DocumentBody::new).collect()))
}

/// Decides a review that is under way.
#[utoipa::path(post, path = "/internal/v1/users/{user_id}/kyc", tag = "internal", operation_id = "internal_kyc_review", security(("internal" = [])),
    request_body = ReviewRequest, params(("user_id" = u64, Path)),
    responses((status = 200, description = "The account as it is now.", body = UserBody), Refusals))]
pub async fn review(
    State(app): State<Arc<App>>,
    Path(user_id): Path<String>,
    Strict(request): Strict<ReviewRequest>,
) -> Result<Json<UserBody>, Problem> {
    let level = request.level.filter(|level| *level <= 9).and_then(|level| u8::try_from(level).ok());
    let level = level.ok_or_else(|| Problem::malformed("level: a number, 9 at most"))?;
    let mut write = app.write().await?;
    let account = named(&mut write.tx, &user_id).await?;
    if account.kyc_state != KycState::Pending || account.is_sub() {
        return Err(Problem::conflict("no_review", "no review of this account is under way"));
    }
    let decided = match request.decision {
        Decision::Approved => (KycState::Approved, level),
        Decision::Rejected => (KycState::Rejected, account.kyc_level),
    };
    accounts::set_kyc(&mut write.tx, account.user, decided, &request.note.0).await?;
    write.account_changes(account.user);
    write.commit().await?;
    shown(&app, &user_id).await
}

/// A document as it was uploaded.
#[utoipa::path(get, path = "/internal/v1/users/{user_id}/kyc/{document_id}", tag = "internal", operation_id = "internal_kyc_document",
    security(("internal" = [])), params(("user_id" = u64, Path), ("document_id" = String, Path, pattern = "^[0-9a-f]{32}$")),
    responses(
        (status = 200, description = "The document.", content(
            (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "application/pdf"))),
        Refusals,
    ))]
pub async fn document(
    State(app): State<Arc<App>>,
    Path((user_id, document_id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let mut tx = app.read().await?;
    let account = named(&mut tx, &user_id).await?;
    let rows = documents::of_user(&mut tx, account.user).await?;
    tx.commit().await?;
    let row = rows.into_iter().find(|row| row.document == document_id).ok_or_else(Problem::not_found)?;
    let folder = app.documents.clone();
    let read = tokio::task::spawn_blocking(move || files::read(&folder, row.user, &row.document)).await;
    let bytes = read
        .map_err(|error| Problem::broken("read a document", error))?
        .map_err(|error| Problem::broken("read a document", error))?;
    // Never shown as part of a page of ours: it is what a user sent.
    let headers =
        [(CONTENT_TYPE, row.media.name()), (CONTENT_DISPOSITION, "attachment"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, bytes).into_response())
}
