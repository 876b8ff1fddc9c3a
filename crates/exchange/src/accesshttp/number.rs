//! Decimal text of requests to the core's integers, exactly or not at all; and back.

use allin_core::num::decimal;
use allin_core::num::{Amount, FeeRate, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_wire::viabtc::{Decimal, Invalid};

use super::state::MarketInfo;

/// Decimals of a fee rate.
pub(super) const FEE_SCALE: u8 = 8;

pub(super) fn price(text: &str, market: &MarketInfo) -> Result<PriceTicks, Invalid> {
    let ticks = decimal::parse_steps(text, market.spec.price_scale, market.spec.tick_units).map_err(|_| Invalid)?;
    if ticks == 0 || ticks > PRICE_MAX.0 {
        return Err(Invalid);
    }
    Ok(PriceTicks(ticks))
}

pub(super) fn lots(text: &str, market: &MarketInfo) -> Result<QtyLots, Invalid> {
    let lots = decimal::parse_steps(text, market.spec.qty_scale, market.spec.lot_units).map_err(|_| Invalid)?;
    if lots == 0 || lots > QTY_MAX.0 {
        return Err(Invalid);
    }
    Ok(QtyLots(lots))
}

/// A rate in [0, 1).
pub(super) fn fee_rate(text: &str) -> Result<FeeRate, Invalid> {
    let units = decimal::parse_unsigned(text, FEE_SCALE).map_err(|_| Invalid)?;
    match i32::try_from(units) {
        Ok(units) if units < FeeRate::ONE => Ok(FeeRate(units)),
        _ => Err(Invalid),
    }
}

/// A positive amount of an asset.
pub(super) fn amount(text: &str, scale: u8) -> Result<Amount, Invalid> {
    match decimal::parse_unsigned(text, scale).map(Amount::try_from) {
        Ok(Ok(amount)) if amount > 0 => Ok(amount),
        _ => Err(Invalid),
    }
}

/// A change of a balance: positive or negative, not zero.
pub(super) fn change(text: &str, scale: u8) -> Result<Amount, Invalid> {
    match decimal::parse_signed(text, scale) {
        Ok(0) | Err(_) => Err(Invalid),
        Ok(change) => Ok(change),
    }
}

pub(super) fn print_price(price: PriceTicks, market: &MarketInfo) -> Decimal {
    Decimal::new(price.0 as Amount * market.spec.tick_units as Amount, market.spec.price_scale)
}

pub(super) fn print_lots(lots: QtyLots, market: &MarketInfo) -> Decimal {
    print_lots_sum(lots.0 as u128, market)
}

pub(super) fn print_lots_sum(lots: u128, market: &MarketInfo) -> Decimal {
    // A sum of lots stays far below: 2^64 orders of 2^60 lots of 2^63 units would be needed.
    let units = lots.saturating_mul(market.spec.lot_units as u128);
    Decimal::new(Amount::try_from(units).unwrap_or(Amount::MAX), market.spec.qty_scale)
}

pub(super) fn print_rate(rate: FeeRate) -> Decimal {
    Decimal::new(rate.0 as Amount, FEE_SCALE)
}

/// Cuts to the decimals that a user is shown, towards zero.
pub(super) fn print_shown(amount: Amount, scale: u8, display_scale: u8) -> Decimal {
    let cut = decimal::pow10(scale.saturating_sub(display_scale)) as Amount;
    Decimal::new(amount / cut, display_scale.min(scale))
}
