//! What the two sides of a trade pay for it.

use allin_core::ids::{AssetId, UserId};
use allin_core::num::{AMOUNT_MAX, Amount, FeeRate};
use allin_core::spot::command::{Account, Side};

use super::Twin;
use super::state::Order;

/// As told in the trade: positive when charged, negative when paid out.
pub struct Fees {
    pub maker: Amount,
    pub maker_asset: AssetId,
    pub taker: Amount,
    pub taker_asset: AssetId,
}

/// What one side was charged.
struct Charge {
    asset: AssetId,
    /// The floor of the fee, that the fee account got, and the unit that the rounding account may have got.
    fee: Amount,
    rounding: Amount,
    /// What was received in the trade, in the asset of the fee.
    basis: Amount,
}

impl Twin {
    /// In an auction both pay their maker rate.
    pub(super) fn charge_fees(
        &mut self,
        maker: &Order,
        taker: &Order,
        base: Amount,
        quote: Amount,
        auction: bool,
    ) -> Fees {
        let spec = self.market(taker.new.market).spec;
        let receives = |side| if side == Side::Buy { (spec.base, base) } else { (spec.quote, quote) };
        let taker_rate = if auction { taker.rates.maker } else { taker.rates.taker };
        let (asset, received) = receives(taker.new.side);
        let taken = self.charge(taker.new.user, asset, received, taker_rate);
        let taker_fee = taken.fee + taken.rounding;
        let rate = maker.rates.maker;
        if rate < FeeRate(0) {
            let rebate = (muldiv(taken.basis, -rate.0 as i128, FeeRate::ONE as i128).0).min(taken.fee);
            self.pay(Account::Fees, Account::User(maker.new.user), taken.asset, rebate);
            return Fees { maker: -rebate, maker_asset: taken.asset, taker: taker_fee, taker_asset: taken.asset };
        }
        let (asset, received) = receives(maker.new.side);
        let made = self.charge(maker.new.user, asset, received, rate);
        Fees { maker: made.fee + made.rounding, maker_asset: made.asset, taker: taker_fee, taker_asset: taken.asset }
    }

    /// Charges what was received, or the discount asset when the user wants it and has enough of it.
    fn charge(&mut self, user: UserId, asset: AssetId, received: Amount, rate: FeeRate) -> Charge {
        let (fee, inexact) = muldiv(received, rate.0.max(0) as i128, FeeRate::ONE as i128);
        let plain = Charge { asset, fee, rounding: inexact as Amount, basis: received };
        let charge = self.discounted(user, &plain).unwrap_or(plain);
        self.pay(Account::User(user), Account::Fees, charge.asset, charge.fee);
        self.pay(Account::User(user), Account::Rounding, charge.asset, charge.rounding);
        charge
    }

    fn discounted(&self, user: UserId, plain: &Charge) -> Option<Charge> {
        let whole = plain.fee + plain.rounding;
        let (asset, bips) = self.discount?;
        let (numerator, denominator) = *self.discount_rates.get(&plain.asset)?;
        if whole == 0 || !self.user_or_default(user).pay_discount {
            return None;
        }
        let (numerator, denominator) = (numerator as i128, denominator as i128);
        let (fee, inexact) = muldiv(whole, numerator * (10_000 - bips as i128), denominator * 10_000);
        let (basis, _) = muldiv(plain.basis, numerator, denominator);
        let rounding = inexact as Amount;
        let affordable = fee < AMOUNT_MAX && self.available(user, asset) >= fee + rounding;
        affordable.then_some(Charge { asset, fee, rounding, basis })
    }
}

/// `a × b / c` rounded down, and whether it was rounded; the largest number when it does not fit. By long division.
fn muldiv(a: i128, b: i128, c: i128) -> (i128, bool) {
    assert!(a >= 0 && b >= 0 && c > 0, "amounts and rates are not negative here");
    let (mut quotient, mut remainder) = (0i128, 0i128);
    for bit in (0..128).rev() {
        // quotient × c + remainder = (leading bits of a) × b
        let (Some(twice), Some(rest)) = (quotient.checked_mul(2), remainder.checked_mul(2)) else {
            return (i128::MAX, true);
        };
        let Some(rest) = rest.checked_add(if a >> bit & 1 == 1 { b } else { 0 }) else { return (i128::MAX, true) };
        let Some(next) = twice.checked_add(rest / c) else { return (i128::MAX, true) };
        (quotient, remainder) = (next, rest % c);
    }
    (quotient, remainder != 0)
}

#[cfg(test)]
mod tests {
    use super::muldiv;

    #[test]
    fn long_division_agrees_with_the_short_way_and_goes_further() {
        for (a, b, c) in [(0, 5, 3), (10, 1, 3), (9, 1, 3), (1 << 60, 1 << 60, 7), (123_456_789, 987_654_321, 1_000)] {
            assert_eq!(muldiv(a, b, c), (a * b / c, a * b % c != 0), "{a} {b} {c}");
        }
        assert_eq!(muldiv(1 << 120, 1 << 78, 1 << 78), (1 << 120, false));
        assert_eq!(muldiv((1 << 120) + 1, 3, 2), (3 << 119 | 1, true));
        assert_eq!(muldiv(1 << 120, 1 << 20, 1), (i128::MAX, true));
    }
}
