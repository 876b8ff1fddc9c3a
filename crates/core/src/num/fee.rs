//! Fee rates.

use super::{Amount, mul_div_floor};

/// A fee rate in units of 10^-8 of the amount: 100_000 is 0.1 %. Negative is a rebate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct FeeRate(pub i32);

/// The rates of one account on one order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct FeeRates {
    pub maker: FeeRate,
    pub taker: FeeRate,
}

impl FeeRate {
    /// Units in one.
    pub const ONE: i32 = 100_000_000;

    /// A rate must stay within (-1, 1): a fee never exceeds what the trade brings.
    pub fn is_valid(self) -> bool {
        -Self::ONE < self.0 && self.0 < Self::ONE
    }

    /// The fee on `amount`, split into its floor and whether a remainder was rounded up (one unit to the rounding account).
    #[inline]
    pub fn charge(self, amount: Amount) -> (Amount, bool) {
        if self.0 <= 0 {
            return (0, false);
        }
        if amount >> 96 == 0 {
            let product = amount * self.0 as i128;
            let one = Self::ONE as i128;
            let floor = if product >> 64 == 0 { (product as u64 / one as u64) as i128 } else { product / one };
            return (floor, floor * one != product);
        }
        mul_div_floor(amount, self.0 as u128, Self::ONE as u128).expect("a fee is smaller than its amount")
    }

    /// The rebate on `amount`, rounded down. Zero for a rate that is not negative.
    pub fn rebate(self, amount: Amount) -> Amount {
        if self.0 >= 0 {
            return 0;
        }
        mul_div_floor(amount, self.0.unsigned_abs() as u128, Self::ONE as u128)
            .expect("a rebate is smaller than its amount")
            .0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_floored_and_its_remainder_told() {
        let rows = [
            (100_000, 1_000_000, (1_000, false)),
            (100_000, 999, (0, true)),
            (100_000, 0, (0, false)),
            (-5, 1_000_000, (0, false)),
        ];
        for (rate, amount, want) in rows {
            assert_eq!(FeeRate(rate).charge(amount), want);
        }
        let huge: Amount = 1 << 100;
        assert_eq!(FeeRate(50_000_000).charge(huge), (huge / 2, false));
        assert_eq!(FeeRate(-10_000).rebate(1_000_000), 100);
    }
}
