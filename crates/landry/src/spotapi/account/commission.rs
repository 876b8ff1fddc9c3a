//! Commission rates of an account, and `GET /api/v3/account/commission`.

use allin_core::ids::UserId;
use allin_core::num::decimal;
use allin_core::num::{FeeRate, FeeRates};
use allin_core::spot::view::FeesView;
use allin_runtime::engine::{AnswerBody, Query, SubmitError};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::trade::reject::not_taken;

/// Rates are told with eight decimals.
const RATE_SCALE: u8 = 8;

/// What an account pays.
pub(crate) struct Fees {
    pub rates: FeeRates,
    view: FeesView,
}

#[derive(Serialize)]
pub(crate) struct Rates {
    maker: String,
    taker: String,
}

#[derive(Serialize)]
pub(super) struct SidedRates {
    maker: String,
    taker: String,
    buyer: String,
    seller: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Discount {
    enabled_for_account: bool,
    enabled_for_symbol: bool,
    discount_asset: Option<String>,
    /// What the discount takes off, as a fraction.
    discount: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    symbol: &'a str,
    standard_commission: SidedRates,
    special_commission: SidedRates,
    tax_commission: SidedRates,
    discount: Discount,
}

/// The rates at which a user's next order trades.
pub(crate) async fn fees(app: &App, user: UserId) -> Result<Fees, Failure> {
    let answer = app.handles.engine.query(Query::Fees(user)).await.map_err(not_taken)?;
    match answer.body {
        AnswerBody::Fees(view) => Ok(Fees { rates: view.rates, view }),
        _ => Err(unexpected()),
    }
}

/// The engine answered another question.
pub(super) fn unexpected() -> Failure {
    not_taken(SubmitError::Unknown)
}

/// A rate as a decimal fraction.
pub(crate) fn text(rate: FeeRate) -> String {
    decimal::format(rate.0.into(), RATE_SCALE)
}

impl Rates {
    pub fn of(rates: FeeRates) -> Rates {
        Rates { maker: text(rates.maker), taker: text(rates.taker) }
    }
}

impl SidedRates {
    fn of(rates: FeeRates) -> SidedRates {
        let zero = || text(FeeRate(0));
        SidedRates { maker: text(rates.maker), taker: text(rates.taker), buyer: zero(), seller: zero() }
    }
}

impl Fees {
    pub(super) fn sided_rates(&self) -> SidedRates {
        SidedRates::of(self.rates)
    }

    /// Whole basis points, towards zero: the older fields of an account have no finer unit.
    pub(super) fn basis_points(&self, rate: FeeRate) -> i64 {
        i64::from(rate.0) / 10_000
    }

    pub fn discount(&self, app: &App) -> Discount {
        let asset = self.view.discount.and_then(|(asset, _)| app.markets().asset(asset).map(|asset| asset.symbol));
        let bips = self.view.discount.map_or(0, |(_, bips)| bips);
        Discount {
            enabled_for_account: self.view.pay_discount,
            enabled_for_symbol: asset.is_some(),
            discount_asset: asset.map(|symbol| symbol.to_string()),
            discount: decimal::format(i128::from(bips) * 10_000, RATE_SCALE),
        }
    }
}

pub(super) async fn account(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    call.params.all_read()?;
    let fees = fees(app, call.user()).await?;
    let none = FeeRates::default();
    json(&Answer {
        symbol: market.symbol(),
        standard_commission: fees.sided_rates(),
        special_commission: SidedRates::of(none),
        tax_commission: SidedRates::of(none),
        discount: fees.discount(app),
    })
}
