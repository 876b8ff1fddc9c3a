//! What an amount is worth in another asset, by last prices, rounded down.

use allin_core::num::{Amount, decimal, mul_div_floor};
use allin_core::spot::spec::AssetSpec;

use super::super::market;
use super::{App, Failure};

/// None when no market, and no two markets in a row, tell a price.
pub async fn of(app: &App, asset: &AssetSpec, amount: Amount, target: &AssetSpec) -> Result<Option<Amount>, Failure> {
    if asset.id == target.id {
        return Ok(Some(amount));
    }
    if amount == 0 {
        return Ok(Some(0));
    }
    if let Some(direct) = step(app, asset, amount, target).await? {
        return Ok(Some(direct));
    }
    for between in app.markets().assets() {
        if let Some(first) = step(app, asset, amount, between).await?
            && let Some(second) = step(app, between, first, target).await?
        {
            return Ok(Some(second));
        }
    }
    Ok(None)
}

/// Over the market between two assets, in either direction.
async fn step(app: &App, from: &AssetSpec, amount: Amount, to: &AssetSpec) -> Result<Option<Amount>, Failure> {
    let markets = app.markets();
    let joins = |market: &&std::sync::Arc<market::Market>| {
        [(from.id, to.id), (to.id, from.id)].contains(&(market.base.id, market.quote.id))
    };
    let Some(market) = markets.all().iter().find(joins) else { return Ok(None) };
    let last = market::last_price(app, market).await?;
    let Some(price) = decimal::parse_unsigned(&last, market.spec.price_scale).ok().filter(|price| *price > 0) else {
        return Ok(None);
    };
    // A unit of base is worth price × quote unit / base unit.
    let quote = price.saturating_mul(decimal::pow10(market.quote.scale));
    let base = decimal::pow10(market.spec.price_scale + market.base.scale);
    let (numerator, denominator) = if market.base.id == from.id { (quote, base) } else { (base, quote) };
    Ok(mul_div_floor(amount, numerator, denominator).map(|(worth, _)| worth))
}
