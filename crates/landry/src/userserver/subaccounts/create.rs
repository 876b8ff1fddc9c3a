//! POST /api/v1/sub-accounts

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::SubAccountBody;
use crate::userserver::account::confirm::free_referral_code;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::body::{Json, Strict};
use crate::userserver::http::caller::Session;
use crate::userserver::http::openapi::Refusals;
use crate::userserver::http::text::Label;
use crate::userserver::tables::accounts::{self, Account};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSubRequest {
    label: Label,
}

/// Opens a sub-account. It trades with API keys that its master makes for it.
#[utoipa::path(post, path = "/api/v1/sub-accounts", tag = "sub-accounts", operation_id = "sub_account_create", request_body = CreateSubRequest,
    security(("session" = [])), responses((status = 201, description = "Open.", body = SubAccountBody), Refusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    session: Session,
    Strict(request): Strict<CreateSubRequest>,
) -> Result<(StatusCode, Json<SubAccountBody>), Problem> {
    let mut write = app.write().await?;
    let family = accounts::of_master(&mut write.tx, session.user).await?;
    let master = family.iter().find(|account| account.user == session.user).ok_or_else(Problem::unauthorized)?;
    if family.len() > app.config.sub_accounts_max as usize {
        return Err(Problem::conflict("too_many_sub_accounts", "the account has as many sub-accounts as it may"));
    }
    if family.iter().any(|account| account.is_sub() && account.label == request.label.0) {
        return Err(Problem::conflict("label_taken", "another sub-account has this label"));
    }
    let user = accounts::next_id(&mut write.tx).await?;
    let account = Account {
        label: request.label.0,
        master_frozen: master.frozen || master.closed,
        demo: master.demo,
        kyc_level: master.kyc_level,
        kyc_state: master.kyc_state,
        held_until: master.held_until,
        ..Account::new(user, master.user, app.now(), free_referral_code(&mut write).await?)
    };
    accounts::insert(&mut write.tx, &account).await?;
    write.account_changes(master.user);
    write.commit().await?;
    app.tell_engine(&[user]).await;
    Ok((StatusCode::CREATED, Json(SubAccountBody::new(&account))))
}
