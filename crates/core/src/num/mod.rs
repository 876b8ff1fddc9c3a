//! Exact numbers: prices in ticks, quantities in lots, amounts in the smallest unit of an asset.
//!
//! | operation | result | on overflow |
//! | --- | --- | --- |
//! | `PriceTicks × QtyLots` ([`notional`]) | [`Amount`] | `None`: the order is refused |
//! | `QtyLots ± QtyLots` | [`QtyLots`] | our own bug: panics |
//! | `Amount ± Amount` | [`Amount`] | our own bug: panics (credits bound the supply, see [`AMOUNT_MAX`]) |
//! | `PriceTicks ± …` | does not compile | |
//!
//! Decimal text becomes an integer once, at the edge ([`decimal`]); text with more decimals than the step is refused.

pub mod decimal;
mod fee;

pub use fee::{FeeRate, FeeRates};

use std::fmt;

/// A price as a whole number of the market's ticks. 0 means "no price".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PriceTicks(pub u64);

/// A quantity as a whole number of the market's lots. 0 means "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct QtyLots(pub u64);

/// Smallest units of an asset (10^-scale). Signed: clearing accounts and differences may be negative.
pub type Amount = i128;

/// Largest price in ticks and largest quantity in lots that a command may carry.
pub const PRICE_MAX: PriceTicks = PriceTicks(1 << 53);
pub const QTY_MAX: QtyLots = QtyLots(1 << 60);

/// Largest amount of one posting, and of the supply of one asset: 10^36 smallest units.
pub const AMOUNT_MAX: Amount = 1_000_000_000_000_000_000_000_000_000_000_000_000;

impl QtyLots {
    pub const ZERO: QtyLots = QtyLots(0);

    pub fn min(self, other: QtyLots) -> QtyLots {
        if self.0 < other.0 { self } else { other }
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl PriceTicks {
    pub const NONE: PriceTicks = PriceTicks(0);

    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::Add for QtyLots {
    type Output = QtyLots;
    fn add(self, rhs: QtyLots) -> QtyLots {
        QtyLots(self.0.checked_add(rhs.0).expect("lots overflow"))
    }
}

impl std::ops::Sub for QtyLots {
    type Output = QtyLots;
    fn sub(self, rhs: QtyLots) -> QtyLots {
        QtyLots(self.0.checked_sub(rhs.0).expect("lots underflow"))
    }
}

impl fmt::Debug for PriceTicks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}t", self.0)
    }
}

impl fmt::Debug for QtyLots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}l", self.0)
    }
}

/// Quote amount of `qty` lots at `price` ticks, where one lot at one tick is `unit` smallest quote units.
/// `None` when the product exceeds [`AMOUNT_MAX`].
#[inline]
pub fn notional(price: PriceTicks, qty: QtyLots, unit: u64) -> Option<Amount> {
    let product = price.0 as u128 * qty.0 as u128;
    // The common case fits a 64-bit product, and then the second product always fits 128 bits.
    let wide =
        if product >> 64 == 0 { (product as u64 as u128) * unit as u128 } else { product.checked_mul(unit as u128)? };
    if wide <= AMOUNT_MAX as u128 { Some(wide as i128) } else { None }
}

/// `amount × numerator / denominator`, rounded down, exact in between (256-bit product). Both factors non-negative.
///
/// `None` when the result does not fit, or the denominator is zero.
pub fn mul_div_floor(amount: Amount, numerator: u128, denominator: u128) -> Option<(Amount, bool)> {
    assert!(amount >= 0, "mul_div_floor takes a non-negative amount");
    if denominator == 0 {
        return None;
    }
    let a = amount as u128;
    let (quotient, remainder) = match a.checked_mul(numerator) {
        Some(p) => (p / denominator, p % denominator),
        None => divide_wide(multiply_wide(a, numerator), denominator)?,
    };
    let value = Amount::try_from(quotient).ok()?;
    Some((value, remainder != 0))
}

/// The 256-bit product as (high, low).
fn multiply_wide(a: u128, b: u128) -> (u128, u128) {
    let halves = |x: u128| (x >> 64, x & u64::MAX as u128);
    let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
    let (low, mid, other_mid, high) = (a0 * b0, a1 * b0, a0 * b1, a1 * b1);
    let carry = ((low >> 64) + (mid & u64::MAX as u128) + (other_mid & u64::MAX as u128)) >> 64;
    let sum = low.wrapping_add(mid << 64).wrapping_add(other_mid << 64);
    (high + (mid >> 64) + (other_mid >> 64) + carry, sum)
}

/// Quotient and remainder, bit by bit; `None` when the quotient has more than 128 bits.
fn divide_wide((high, low): (u128, u128), denominator: u128) -> Option<(u128, u128)> {
    if high >= denominator {
        return None;
    }
    let (mut quotient, mut remainder) = (0u128, high);
    for bit in (0..128).rev() {
        let overflow = remainder >> 127 == 1;
        remainder = remainder << 1 | (low >> bit & 1);
        quotient <<= 1;
        if overflow || remainder >= denominator {
            remainder = remainder.wrapping_sub(denominator);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notional_is_exact_or_refused() {
        let rows = [
            (1, 1, 1, Some(1)),
            (7_831_800, 153_453_667, 1, Some(7_831_800i128 * 153_453_667)),
            (1 << 53, 1 << 60, 1, Some(1i128 << 113)),
            (1 << 53, 1 << 60, 1 << 30, None),
            (0, 5, 10, Some(0)),
        ];
        for (price, qty, unit, want) in rows {
            assert_eq!(notional(PriceTicks(price), QtyLots(qty), unit), want, "{price} {qty} {unit}");
        }
    }

    #[test]
    fn mul_div_floors_and_tells_of_a_remainder() {
        assert_eq!(mul_div_floor(10, 1, 3), Some((3, true)));
        assert_eq!(mul_div_floor(9, 1, 3), Some((3, false)));
        assert_eq!(mul_div_floor(AMOUNT_MAX, 999_999_999, 1_000_000_000).map(|x| x.0 < AMOUNT_MAX), Some(true));
        assert_eq!(mul_div_floor(1, 1, 0), None);
        // Beyond 128 bits in between.
        let (amount, most) = (AMOUNT_MAX - 1, u64::MAX as u128 * 10_000);
        assert_eq!(mul_div_floor(amount, most, most), Some((amount, false)));
        assert_eq!(mul_div_floor(amount, most, 2 * most), Some((amount / 2, true)));
        assert_eq!(mul_div_floor(amount, most - 1, most), Some((amount - 1 - amount / most as i128, true)));
        assert_eq!(mul_div_floor(amount, u128::MAX, 1), None);
    }
}
