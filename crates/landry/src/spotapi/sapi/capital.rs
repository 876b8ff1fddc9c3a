//! Coins, deposit addresses, withdrawals.

use allin_core::spot::command::MarketState;
use allin_core::spot::view::AccountBalance;
use allin_wire::binance::Code;
use serde::Serialize;

use super::super::call::json;
use super::assets::{amount, asset, balances};
use super::{App, Call, Failure, Outcome};

/// What there is never anything of.
const NONE: &str = "0.00000000";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Coin {
    coin: String,
    deposit_all_enable: bool,
    withdraw_all_enable: bool,
    name: String,
    free: String,
    locked: String,
    freeze: &'static str,
    withdrawing: &'static str,
    ipoing: &'static str,
    ipoable: &'static str,
    storage: &'static str,
    is_legal_money: bool,
    trading: bool,
    /// Networks over which the coin moves: none while there is no custody.
    network_list: [(); 0],
}

pub async fn coins(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let (markets, balances) = (app.markets(), balances(app, call).await?);
    let row = |spec: &allin_core::spot::spec::AssetSpec| {
        let balance = balances.iter().find(|one| one.asset == spec.id).map(|AccountBalance { balance, .. }| *balance);
        let balance = balance.unwrap_or_default();
        let trades = |market: &std::sync::Arc<super::super::Market>| {
            market.state == MarketState::Trading && [market.spec.base, market.spec.quote].contains(&spec.id)
        };
        Coin {
            coin: spec.symbol.to_string(),
            deposit_all_enable: false,
            withdraw_all_enable: false,
            name: spec.symbol.to_string(),
            free: markets.amount(spec.id, balance.available),
            locked: markets.amount(spec.id, balance.held),
            freeze: NONE,
            withdrawing: NONE,
            ipoing: NONE,
            ipoable: NONE,
            storage: NONE,
            is_legal_money: false,
            trading: markets.all().iter().any(trades),
            network_list: [],
        }
    };
    json(&markets.assets().iter().map(row).collect::<Vec<_>>())
}

/// Refused while there is no custody.
pub async fn deposit_address(app: &App, call: &Call) -> Outcome {
    asset(app, call.params.required("coin")?)?;
    ["network", "amount"].into_iter().for_each(|name| call.params.skip(name));
    call.params.all_read()?;
    Err(Failure::new(Code::UnsupportedOperation, "Current asset is not open for deposit."))
}

/// Refused while there is no custody, and before that like any other request without the right to withdraw.
pub async fn withdraw(app: &App, call: &Call) -> Outcome {
    let spec = asset(app, call.params.required("coin")?)?;
    call.params.required("address")?;
    amount(call, &spec)?;
    let others = ["withdrawOrderId", "network", "addressTag", "transactionFeeFlag", "name", "walletType"];
    others.into_iter().for_each(|name| call.params.skip(name));
    call.params.all_read()?;
    Err(Failure::new(Code::WithdrawalClosed, "Current asset is not open for withdrawal."))
}
