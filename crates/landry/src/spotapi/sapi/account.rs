//! What the account and its key may do.

use allin_runtime::engine::{AnswerBody, Query};
use serde::Serialize;

use super::super::call::json;
use super::{App, Call, Failure, Outcome, engine_away};

#[derive(Serialize)]
struct Data<T> {
    data: T,
}

async fn is_frozen(app: &App, call: &Call) -> Result<bool, Failure> {
    match app.handles.directory.account(call.user()).await {
        Ok(account) => Ok(account.is_some_and(|account| account.frozen)),
        Err(error) => {
            tracing::warn!(%error, "an account cannot be looked up");
            Err(Failure::away("Internal error; unable to process your request. Please try again."))
        }
    }
}

pub async fn status(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    json(&Data { data: if is_frozen(app, call).await? { "Locked" } else { "Normal" } })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TradingStatus {
    is_locked: bool,
    planned_recover_time: u64,
    trigger_condition: Triggers,
    update_time: u64,
}

/// Ratios that lock an account at Binance. None of them does so here, and 0 is no bound.
#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Triggers {
    gcr: u32,
    ifer: u32,
    ufr: u32,
}

pub async fn trading_status(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let trigger_condition = Triggers { gcr: 0, ifer: 0, ufr: 0 };
    let is_locked = is_frozen(app, call).await?;
    let update_time = call.time(call.now);
    json(&Data { data: TradingStatus { is_locked, planned_recover_time: 0, trigger_condition, update_time } })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    vip_level: u16,
    is_margin_enabled: bool,
    is_future_enabled: bool,
    is_options_enabled: bool,
    is_portfolio_margin_retail_enabled: bool,
}

/// The fee tier stands for the level.
pub async fn info(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let answer = app.handles.engine.query(Query::User(call.user())).await.map_err(engine_away)?;
    let vip_level = match answer.body {
        AnswerBody::User(Some(user)) => user.tier,
        _ => 0,
    };
    json(&Info {
        vip_level,
        is_margin_enabled: false,
        is_future_enabled: false,
        is_options_enabled: false,
        is_portfolio_margin_retail_enabled: false,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Restrictions {
    ip_restrict: bool,
    create_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trading_authority_expiration_time: Option<u64>,
    enable_reading: bool,
    enable_withdrawals: bool,
    enable_internal_transfer: bool,
    enable_margin: bool,
    enable_futures: bool,
    permits_universal_transfer: bool,
    enable_vanilla_options: bool,
    enable_fix_api_trade: bool,
    enable_fix_read_only: bool,
    enable_spot_and_margin_trading: bool,
    enable_portfolio_margin_trading: bool,
}

pub async fn restrictions(_: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let key = &call.caller().key;
    json(&Restrictions {
        ip_restrict: !key.ip_ranges.is_empty(),
        create_time: call.time(key.created_at),
        trading_authority_expiration_time: (key.expires_at.0 != 0).then(|| call.time(key.expires_at)),
        enable_reading: key.permissions.read,
        enable_withdrawals: key.permissions.withdraw,
        enable_internal_transfer: false,
        enable_margin: false,
        enable_futures: key.permissions.futures_trade,
        permits_universal_transfer: false,
        enable_vanilla_options: false,
        enable_fix_api_trade: false,
        enable_fix_read_only: false,
        enable_spot_and_margin_trading: key.permissions.spot_trade,
        enable_portfolio_margin_trading: false,
    })
}
