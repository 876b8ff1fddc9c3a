//! Knowing one's customer: documents that users hand in, and what became of them. The reviewing side is internal.

pub mod files;
pub mod status;
pub mod submit;
pub mod upload;

use serde::Serialize;
use utoipa::ToSchema;

use super::account::ms;
use super::tables::documents::{DocumentKind, DocumentRow, Media};

/// Documents of one user.
const DOCUMENTS_MAX: usize = 20;

#[derive(Serialize, ToSchema)]
pub struct DocumentBody {
    document_id: String,
    kind: DocumentKind,
    media_type: Media,
    bytes: u64,
    sha256: String,
    created_at: u64,
}

impl DocumentBody {
    pub fn new(row: DocumentRow) -> DocumentBody {
        DocumentBody {
            document_id: row.document,
            kind: row.kind,
            media_type: row.media,
            bytes: row.bytes,
            sha256: row.sha256,
            created_at: ms(row.created_at),
        }
    }
}
