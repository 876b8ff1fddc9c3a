//! What the account has.

use allin_core::num::{Amount, decimal};
use allin_core::spot::command::Account;
use allin_core::spot::spec::AssetSpec;
use allin_core::spot::view::AccountBalance;
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::binance::{ApiError, Code};
use serde::Serialize;

use super::super::call::json;
use super::super::markets::number_error;
use super::{App, Call, Failure, Outcome, engine_away, value};
use crate::decimals;

/// What valuations are in when nothing else is asked for.
const VALUE_ASSET: &str = "BTC";

/// Balances that the account has, zero or not, in order of asset.
pub async fn balances(app: &App, call: &Call) -> Result<Vec<AccountBalance>, Failure> {
    let query = Query::Balances { account: Account::User(call.user()) };
    match app.handles.engine.query(query).await.map_err(engine_away)?.body {
        AnswerBody::Balances(balances) => Ok(balances),
        _ => Err(Failure::away("Internal error; unable to process your request. Please try again.")),
    }
}

/// -4018 for an asset that is not listed.
pub fn asset(app: &App, symbol: &str) -> Result<AssetSpec, Failure> {
    let unknown = || Failure::new(Code::AssetUnknown, "We don't have this asset.");
    app.markets().asset_by_symbol(symbol).copied().ok_or_else(unknown)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserAsset {
    asset: String,
    free: String,
    locked: String,
    freeze: &'static str,
    withdrawing: &'static str,
    ipoable: &'static str,
    btc_valuation: String,
}

/// Of all assets, those that the account has something of; of a named one, whatever it has.
pub async fn user_asset(app: &App, call: &Call) -> Outcome {
    let only = call.params.get("asset")?.map(|symbol| asset(app, symbol)).transpose()?;
    let valued = call.params.bool("needBtcValuation")?.unwrap_or(false);
    call.params.all_read()?;
    let markets = app.markets();
    let mut rows = Vec::new();
    for AccountBalance { asset: id, balance, .. } in balances(app, call).await? {
        let wanted = match &only {
            Some(only) => only.id == id,
            None => balance.available + balance.held > 0,
        };
        let Some(spec) = markets.asset(id).filter(|_| wanted) else { continue };
        let btc_valuation = match (valued, markets.asset_by_symbol(VALUE_ASSET)) {
            (true, Some(btc)) => {
                let worth = value::of(app, spec, balance.available + balance.held, btc).await?;
                decimals::amount(worth.unwrap_or(0), btc.scale)
            }
            _ => "0".to_owned(),
        };
        rows.push(UserAsset {
            asset: spec.symbol.to_string(),
            free: markets.amount(id, balance.available),
            locked: markets.amount(id, balance.held),
            freeze: "0",
            withdrawing: "0",
            ipoable: "0",
            btc_valuation,
        });
    }
    json(&rows)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wallet {
    activate: bool,
    balance: String,
    wallet_name: &'static str,
}

/// The spot wallet's worth by last prices. What has no price counts nothing.
pub async fn wallet_balance(app: &App, call: &Call) -> Outcome {
    let quote = asset(app, call.params.get("quoteAsset")?.unwrap_or(VALUE_ASSET))?;
    call.params.all_read()?;
    let markets = app.markets();
    let mut sum: Amount = 0;
    for AccountBalance { asset: id, balance, .. } in balances(app, call).await? {
        let Some(spec) = markets.asset(id) else { continue };
        let worth = value::of(app, spec, balance.available + balance.held, &quote).await?;
        sum = sum.saturating_add(worth.unwrap_or(0));
    }
    json(&[Wallet { activate: true, balance: decimals::amount(sum, quote.scale), wallet_name: "Spot" }])
}

/// Between wallets; there is only one.
pub async fn transfer(app: &App, call: &Call) -> Outcome {
    call.params.required("type")?;
    let spec = asset(app, call.params.required("asset")?)?;
    amount(call, &spec)?;
    ["fromSymbol", "toSymbol"].into_iter().for_each(|name| call.params.skip(name));
    call.params.all_read()?;
    Err(Failure::new(Code::UnsupportedOperation, "There is no wallet besides the spot wallet to transfer to or from."))
}

/// A positive `amount` of an asset.
pub fn amount(call: &Call, spec: &AssetSpec) -> Result<Amount, Failure> {
    let text = call.params.required("amount")?;
    match decimal::parse_signed(text, spec.scale).map_err(|error| number_error("amount", error))? {
        amount if amount > 0 => Ok(amount),
        _ => Err(ApiError::new(Code::InvalidParameter, "Data sent for parameter 'amount' is not valid.").into()),
    }
}

#[derive(Serialize)]
struct Page {
    total: u32,
    rows: [(); 0],
}

/// None was ever made.
pub async fn transfers(_: &App, call: &Call) -> Outcome {
    call.params.required("type")?;
    paged(call)?;
    json(&Page { total: 0, rows: [] })
}

/// None was ever paid.
pub async fn dividends(_: &App, call: &Call) -> Outcome {
    call.params.skip("asset");
    paged(call)?;
    json(&Page { total: 0, rows: [] })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dribblets {
    total: u32,
    user_asset_dribblets: [(); 0],
}

/// Small remainders are not converted here.
pub async fn dribblets(_: &App, call: &Call) -> Outcome {
    call.params.skip("accountType");
    paged(call)?;
    json(&Dribblets { total: 0, user_asset_dribblets: [] })
}

/// Checks the parameters of a list that is empty anyway.
fn paged(call: &Call) -> Result<(), Failure> {
    ["startTime", "endTime", "current", "size", "limit"]
        .into_iter()
        .try_for_each(|name| call.params.u64(name).map(drop))?;
    ["fromSymbol", "toSymbol"].into_iter().for_each(|name| call.params.skip(name));
    Ok(call.params.all_read()?)
}
