//! GET /api/v1/passkeys

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
use crate::userserver::tables::passkeys::{self, PasskeyRow};

#[derive(Serialize, ToSchema)]
pub struct PasskeyBody {
    /// The credential id, base64url.
    passkey_id: String,
    label: String,
    created_at: u64,
    last_used_at: u64,
}

impl PasskeyBody {
    pub fn new(row: PasskeyRow) -> PasskeyBody {
        PasskeyBody {
            passkey_id: row.passkey,
            label: row.label,
            created_at: ms(row.created_at),
            last_used_at: ms(row.used_at),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/passkeys", tag = "credentials", operation_id = "passkeys", security(("session" = [])),
    responses((status = 200, description = "The passkeys.", body = Vec<PasskeyBody>), Refusals))]
pub async fn list(State(app): State<Arc<App>>, session: Session) -> Result<Json<Vec<PasskeyBody>>, Problem> {
    let mut tx = app.read().await?;
    let rows = passkeys::of_user(&mut tx, session.user).await?;
    tx.commit().await?;
    Ok(Json(rows.into_iter().map(PasskeyBody::new).collect()))
}
