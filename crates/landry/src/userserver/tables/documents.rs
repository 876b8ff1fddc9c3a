//! Documents that users hand in; the files themselves are in a folder.

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::args;
use allin_runtime::store::{Row, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DocumentKind {
    Passport = 0,
    IdCard = 1,
    DrivingLicence = 2,
    ProofOfAddress = 3,
    Selfie = 4,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[repr(u8)]
pub enum Media {
    #[serde(rename = "image/jpeg")]
    Jpeg = 0,
    #[serde(rename = "image/png")]
    Png = 1,
    #[serde(rename = "application/pdf")]
    Pdf = 2,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentRow {
    pub document: String,
    pub user: UserId,
    pub kind: DocumentKind,
    pub media: Media,
    pub bytes: u64,
    pub sha256: String,
    pub created_at: Timestamp,
}

impl DocumentKind {
    pub fn parse(text: &str) -> Option<DocumentKind> {
        Some(match text {
            "passport" => DocumentKind::Passport,
            "id_card" => DocumentKind::IdCard,
            "driving_licence" => DocumentKind::DrivingLicence,
            "proof_of_address" => DocumentKind::ProofOfAddress,
            "selfie" => DocumentKind::Selfie,
            _ => return None,
        })
    }
}

impl Media {
    /// By what the file begins with, whatever its sender calls it.
    pub fn of(bytes: &[u8]) -> Option<Media> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Media::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Media::Png),
            [b'%', b'P', b'D', b'F', b'-', ..] => Some(Media::Pdf),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Media::Jpeg => "image/jpeg",
            Media::Png => "image/png",
            Media::Pdf => "application/pdf",
        }
    }
}

const COLUMNS: &str = "document_id, user_id, kind, media, bytes, sha256, created_us";

pub async fn insert(tx: &mut Tx, row: &DocumentRow) -> Result<(), StoreError> {
    let r = row.clone();
    let sql = format!("INSERT INTO userserver_documents ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)");
    let values = args![r.document, r.user, r.kind as u8, r.media as u8, r.bytes, r.sha256, r.created_at];
    tx.execute(&sql, values).await.map(|_| ())
}

/// Oldest first.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<DocumentRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM userserver_documents WHERE user_id = ? ORDER BY created_us, document_id");
    tx.query(&sql, args![user]).await?.iter().map(document).collect()
}

fn document(row: &Row) -> Result<DocumentRow, StoreError> {
    let kind = match row.int(2)? {
        0 => DocumentKind::Passport,
        1 => DocumentKind::IdCard,
        2 => DocumentKind::DrivingLicence,
        3 => DocumentKind::ProofOfAddress,
        4 => DocumentKind::Selfie,
        other => return Err(StoreError::corrupt(format!("document of kind {other}"))),
    };
    let media = match row.int(3)? {
        0 => Media::Jpeg,
        1 => Media::Png,
        2 => Media::Pdf,
        other => return Err(StoreError::corrupt(format!("document of media type {other}"))),
    };
    Ok(DocumentRow {
        document: row.text(0)?,
        user: UserId(row.unsigned(1)?),
        kind,
        media,
        bytes: row.unsigned(4)?,
        sha256: row.text(5)?,
        created_at: time(row, 6)?,
    })
}
