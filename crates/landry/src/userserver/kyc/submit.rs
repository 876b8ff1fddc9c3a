//! POST /api/v1/kyc/submit

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::tables::accounts::{self, KycState};
use crate::userserver::tables::documents;

/// Hands the documents in for review.
#[utoipa::path(post, path = "/api/v1/kyc/submit", tag = "KYC", operation_id = "kyc_submit", security(("session" = [])),
    responses((status = 204, description = "Under review."), Refusals))]
pub async fn submit(State(app): State<Arc<App>>, session: Session) -> Result<StatusCode, Problem> {
    let mut write = app.write().await?;
    let account = accounts::by_id(&mut write.tx, session.user).await?.ok_or_else(Problem::unauthorized)?;
    if account.kyc_state == KycState::Pending {
        return Err(Problem::conflict("kyc_pending", "a review is under way"));
    }
    if documents::of_user(&mut write.tx, session.user).await?.is_empty() {
        return Err(Problem::conflict("no_documents", "upload a document first"));
    }
    accounts::set_kyc(&mut write.tx, session.user, (KycState::Pending, account.kyc_level), "").await?;
    write.account_changes(session.user);
    write.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
