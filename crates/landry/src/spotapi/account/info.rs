//! `GET /api/v3/account`.

use std::collections::HashMap;

use allin_core::ids::AssetId;
use allin_core::spot::command::Account;
use allin_core::spot::view::Balance;
use allin_runtime::engine::{AnswerBody, Query};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::trade::reject::not_taken;
use super::commission::{self, SidedRates};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    maker_commission: i64,
    taker_commission: i64,
    buyer_commission: i64,
    seller_commission: i64,
    commission_rates: SidedRates,
    can_trade: bool,
    can_withdraw: bool,
    can_deposit: bool,
    brokered: bool,
    require_self_trade_prevention: bool,
    prevent_sor: bool,
    update_time: u64,
    account_type: &'static str,
    balances: Vec<AssetBalance<'a>>,
    permissions: [&'static str; 1],
    uid: u64,
}

#[derive(Serialize)]
struct AssetBalance<'a> {
    asset: &'a str,
    free: String,
    locked: String,
}

/// All listed assets, whether the account ever had them or not. `updateTime` is the engine's time of the answer.
pub(super) async fn account(app: &App, call: &Call) -> Outcome {
    let omit_zero = call.params.bool("omitZeroBalances")?.unwrap_or(false);
    call.params.all_read()?;
    let user = call.user();
    let query = Query::Balances { account: Account::User(user) };
    let answer = app.handles.engine.query(query).await.map_err(not_taken)?;
    let AnswerBody::Balances(known) = answer.body else { return Err(commission::unexpected()) };
    let fees = commission::fees(app, user).await?;
    let facts = app.handles.directory.account(user).await.map_err(|error| {
        tracing::warn!(%error, "an account cannot be looked up");
        Failure::away("Internal error; unable to process your request. Please try again.")
    })?;
    let frozen = facts.as_ref().is_some_and(|facts| facts.frozen);
    let held = facts.as_ref().is_some_and(|facts| call.now < facts.withdrawals_held_until);

    let known: HashMap<AssetId, Balance> = known.into_iter().map(|entry| (entry.asset, entry.balance)).collect();
    let markets = app.markets();
    let balances = markets.assets().iter().filter_map(|asset| {
        let balance = known.get(&asset.id).copied().unwrap_or_default();
        let is_zero = balance.available == 0 && balance.held == 0;
        (!is_zero || !omit_zero).then(|| AssetBalance {
            asset: asset.symbol.as_str(),
            free: markets.amount(asset.id, balance.available),
            locked: markets.amount(asset.id, balance.held),
        })
    });
    json(&Answer {
        maker_commission: fees.basis_points(fees.rates.maker),
        taker_commission: fees.basis_points(fees.rates.taker),
        buyer_commission: 0,
        seller_commission: 0,
        commission_rates: fees.sided_rates(),
        can_trade: !frozen && call.caller().key.permissions.spot_trade,
        can_withdraw: !frozen && !held,
        can_deposit: true,
        brokered: false,
        require_self_trade_prevention: false,
        prevent_sor: true,
        update_time: call.time(answer.at),
        account_type: "SPOT",
        balances: balances.collect(),
        permissions: ["SPOT"],
        uid: user.0,
    })
}
