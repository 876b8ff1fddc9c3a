//! POST /api/v1/kyc/documents

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DOCUMENTS_MAX, DocumentBody, files};
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::Json;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::secrets::random;
use crate::userserver::tables::accounts::{self, KycState};
use crate::userserver::tables::documents::{self, DocumentKind, DocumentRow, Media};

pub const PATH: &str = "/api/v1/kyc/documents";

/// A form with both fields, once each.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only its description is used")]
pub struct DocumentForm {
    kind: DocumentKind,
    /// JPEG, PNG or PDF, whatever its name says.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// Takes a document. The review begins with `/kyc/submit`.
#[utoipa::path(post, path = "/api/v1/kyc/documents", tag = "KYC", operation_id = "kyc_upload", security(("session" = [])),
    request_body(content = DocumentForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "Taken.", body = DocumentBody), Refusals))]
pub async fn upload(
    State(app): State<Arc<App>>,
    session: Session,
    request: Request,
) -> Result<(StatusCode, Json<DocumentBody>), Problem> {
    let (kind, bytes) = form(request, app.config.document_bytes_max).await?;
    let media = Media::of(&bytes)
        .ok_or_else(|| Problem::conflict("unknown_media", "the file is neither JPEG nor PNG nor PDF"))?;
    let row = DocumentRow {
        document: random::hex(&random::bytes::<16>()),
        user: session.user,
        kind,
        media,
        bytes: bytes.len() as u64,
        sha256: random::hex(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref()),
        created_at: app.now(),
    };
    let (folder, document) = (app.documents.clone(), row.document.clone());
    let written = tokio::task::spawn_blocking(move || files::write(&folder, session.user, &document, &bytes)).await;
    if let Err(error) = written.map_err(|error| error.to_string()).and_then(|w| w.map_err(|error| error.to_string())) {
        tracing::warn!(%error, "a document cannot be kept");
        return Err(Problem::busy());
    }
    if let Err(problem) = note(&app, &row).await {
        files::remove(&app.documents, session.user, &row.document);
        return Err(problem);
    }
    Ok((StatusCode::CREATED, Json(DocumentBody::new(row))))
}

async fn note(app: &App, row: &DocumentRow) -> Result<(), Problem> {
    let mut write = app.write().await?;
    let account = accounts::by_id(&mut write.tx, row.user).await?.ok_or_else(Problem::unauthorized)?;
    if account.kyc_state == KycState::Pending {
        return Err(Problem::conflict("kyc_pending", "a review is under way"));
    }
    if documents::of_user(&mut write.tx, row.user).await?.len() >= DOCUMENTS_MAX {
        return Err(Problem::conflict("too_many_documents", "the account has as many documents as it may"));
    }
    documents::insert(&mut write.tx, row).await?;
    write.commit().await?;
    Ok(())
}

async fn form(request: Request, bytes_max: usize) -> Result<(DocumentKind, Bytes), Problem> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !media.to_ascii_lowercase().starts_with("multipart/form-data") {
        let message = "the body must be multipart/form-data";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    }
    let malformed = |_: MultipartError| Problem::malformed("the form is not multipart/form-data");
    let mut form =
        Multipart::from_request(request, &()).await.map_err(|_| Problem::malformed("the form has no boundary"))?;
    let (mut kind, mut file) = (None, None);
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or("").to_owned();
        let content = content(field).await?;
        let is_second = match name.as_str() {
            "kind" => {
                let parsed = std::str::from_utf8(&content).ok().and_then(DocumentKind::parse);
                kind.replace(parsed.ok_or_else(|| Problem::malformed("kind: not one of the kinds"))?).is_some()
            }
            "file" => file.replace(content).is_some(),
            _ => return Err(Problem::malformed("the form has the fields kind and file only")),
        };
        if is_second {
            return Err(Problem::malformed("the form has a field twice"));
        }
    }
    let (Some(kind), Some(file)) = (kind, file) else {
        return Err(Problem::malformed("the form needs the fields kind and file"));
    };
    if file.len() > bytes_max {
        let message = format!("the file has more than {bytes_max} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
    }
    Ok((kind, file))
}

async fn content(field: Field<'_>) -> Result<Bytes, Problem> {
    field.bytes().await.map_err(|_| Problem::malformed("the form is cut off"))
}
