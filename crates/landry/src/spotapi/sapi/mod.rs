//! `/sapi/v1`: what common clients ask for at start and of wallets (Binance Wallet REST), as far as the ledger goes today.
//!
//! There is one wallet, the spot wallet, and no custody yet: nothing can be deposited by address or withdrawn, and no
//! answer pretends otherwise. What does not exist here (margin, coin-margined futures) is told as an empty list, for
//! clients fail without an answer.

mod account;
mod assets;
mod capital;
mod date;
mod elsewhere;
mod records;
mod trade_fee;
mod value;

use super::app::App;
use super::call::{Call, Failure, Outcome};
use super::endpoint::{Endpoint, Handler, Security, Weight};

const fn endpoint(
    rest: &'static [(&'static str, &'static str)],
    security: Security,
    weight: u32,
    handler: Handler,
) -> Endpoint {
    Endpoint {
        rest,
        ws: &[],
        security,
        weight: Weight::Fixed(weight),
        free_when_done: false,
        orders: 0,
        cancels_over_limit: false,
        handler,
    }
}

const USER: Security = Security::UserData;

pub static ENDPOINTS: &[Endpoint] = &[
    endpoint(&[("GET", "/sapi/v1/system/status")], Security::None, 1, |app, call| {
        Box::pin(elsewhere::system_status(app, call))
    }),
    endpoint(&[("GET", "/sapi/v1/account/status")], USER, 1, |app, call| Box::pin(account::status(app, call))),
    endpoint(&[("GET", "/sapi/v1/account/apiTradingStatus")], USER, 1, |app, call| {
        Box::pin(account::trading_status(app, call))
    }),
    endpoint(&[("GET", "/sapi/v1/account/info")], USER, 1, |app, call| Box::pin(account::info(app, call))),
    endpoint(&[("GET", "/sapi/v1/account/apiRestrictions")], USER, 1, |app, call| {
        Box::pin(account::restrictions(app, call))
    }),
    endpoint(&[("GET", "/sapi/v1/asset/tradeFee")], USER, 1, |app, call| Box::pin(trade_fee::trade_fee(app, call))),
    endpoint(
        &[("POST", "/sapi/v3/asset/getUserAsset"), ("POST", "/sapi/v1/asset/getUserAsset")],
        USER,
        5,
        |app, call| Box::pin(assets::user_asset(app, call)),
    ),
    endpoint(&[("GET", "/sapi/v1/asset/wallet/balance")], USER, 60, |app, call| {
        Box::pin(assets::wallet_balance(app, call))
    }),
    endpoint(&[("POST", "/sapi/v1/asset/transfer")], Security::Trade, 1, |app, call| {
        Box::pin(assets::transfer(app, call))
    }),
    endpoint(&[("GET", "/sapi/v1/asset/transfer")], USER, 1, |app, call| Box::pin(assets::transfers(app, call))),
    endpoint(&[("GET", "/sapi/v1/asset/assetDividend")], USER, 10, |app, call| Box::pin(assets::dividends(app, call))),
    endpoint(&[("GET", "/sapi/v1/asset/dribblet")], USER, 1, |app, call| Box::pin(assets::dribblets(app, call))),
    endpoint(&[("GET", "/sapi/v1/capital/config/getall")], USER, 10, |app, call| Box::pin(capital::coins(app, call))),
    endpoint(&[("GET", "/sapi/v1/capital/deposit/address")], USER, 10, |app, call| {
        Box::pin(capital::deposit_address(app, call))
    }),
    endpoint(&[("GET", "/sapi/v1/capital/deposit/hisrec")], USER, 1, |app, call| {
        Box::pin(records::deposits(app, call))
    }),
    // Binance counts 18,000 of 180,000 a minute for an account: ten a minute.
    endpoint(&[("GET", "/sapi/v1/capital/withdraw/history")], USER, 600, |app, call| {
        Box::pin(records::withdrawals(app, call))
    }),
    endpoint(&[("POST", "/sapi/v1/capital/withdraw/apply")], Security::Withdraw, 600, |app, call| {
        Box::pin(capital::withdraw(app, call))
    }),
    endpoint(
        &[
            ("GET", "/sapi/v1/margin/allPairs"),
            ("GET", "/sapi/v1/margin/isolated/allPairs"),
            ("GET", "/sapi/v1/margin/allAssets"),
        ],
        Security::None,
        1,
        |app, call| Box::pin(elsewhere::none(app, call)),
    ),
    endpoint(&[("GET", "/dapi/v1/exchangeInfo")], Security::None, 1, |app, call| {
        Box::pin(elsewhere::coin_futures(app, call))
    }),
];

/// The engine did not answer.
fn engine_away(error: allin_runtime::engine::SubmitError) -> Failure {
    tracing::warn!(%error, "the engine does not answer");
    Failure::away("Internal error; unable to process your request. Please try again.")
}
