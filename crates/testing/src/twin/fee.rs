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
    /// What of the fee went to the maker.
    rebate: Amount,
}

impl Charge {
    fn total(&self) -> Amount {
        self.fee + self.rounding
    }
}

impl Twin {
    /// Exchanges base and quote between the two, and charges them for it: first the taker, then the maker, and each before
    /// it has what it receives. In an auction the buyer is first, and both pay their maker rate, none when it is negative.
    pub(super) fn exchange(
        &mut self,
        maker: &Order,
        taker: &Order,
        base: Amount,
        quote: Amount,
        auction: bool,
    ) -> Fees {
        let spec = self.market(taker.new.market).spec;
        let receives =
            |order: &Order| if order.new.side == Side::Buy { (spec.base, base) } else { (spec.quote, quote) };
        for (giver, (asset, amount)) in [(maker, receives(taker)), (taker, receives(maker))] {
            self.change_total(Account::User(giver.new.user), asset, -amount);
        }
        if auction {
            let maker_first = maker.new.side == Side::Buy;
            let (first, second) = if maker_first { (maker, taker) } else { (taker, maker) };
            let paid = self.receive(first, receives(first), first.rates.maker, None);
            let also_paid = self.receive(second, receives(second), second.rates.maker, None);
            let (made, taken) = if maker_first { (paid, also_paid) } else { (also_paid, paid) };
            return Fees {
                maker: made.total(),
                maker_asset: made.asset,
                taker: taken.total(),
                taker_asset: taken.asset,
            };
        }
        let rate = maker.rates.maker;
        let rebate = (rate < FeeRate(0)).then_some((maker.new.user, rate));
        let taken = self.receive(taker, receives(taker), taker.rates.taker, rebate);
        let made = self.receive(maker, receives(maker), rate, None);
        let (maker, maker_asset) = match rebate {
            Some(_) => (-taken.rebate, taken.asset),
            None => (made.total(), made.asset),
        };
        Fees { maker, maker_asset, taker: taken.total(), taker_asset: taken.asset }
    }

    /// Gives a side what it receives and charges that, or the discount asset when the user wants it and has enough of it.
    /// A rebate is paid out of the fee.
    fn receive(
        &mut self,
        order: &Order,
        (asset, received): (AssetId, Amount),
        rate: FeeRate,
        rebate: Option<(UserId, FeeRate)>,
    ) -> Charge {
        let user = order.new.user;
        let (fee, inexact) = muldiv(received, rate.0.max(0) as i128, FeeRate::ONE as i128);
        let plain = Charge { asset, fee, rounding: inexact as Amount, basis: received, rebate: 0 };
        let mut charge = match self.discounted(user, &plain) {
            Some(discounted) => {
                self.change_total(Account::User(user), asset, received);
                self.change_total(Account::User(user), discounted.asset, -discounted.total());
                discounted
            }
            None => {
                self.change_total(Account::User(user), asset, received - plain.total());
                plain
            }
        };
        if let Some((maker, rate)) = rebate {
            charge.rebate = (muldiv(charge.basis, -rate.0 as i128, FeeRate::ONE as i128).0).min(charge.fee);
            self.change_total(Account::User(maker), charge.asset, charge.rebate);
        }
        self.change_total(Account::Fees, charge.asset, charge.fee - charge.rebate);
        self.change_total(Account::Rounding, charge.asset, charge.rounding);
        charge
    }

    fn discounted(&self, user: UserId, plain: &Charge) -> Option<Charge> {
        let whole = plain.total();
        let (asset, bips) = self.discount?;
        let (numerator, denominator) = *self.discount_rates.get(&plain.asset)?;
        if whole == 0 || !self.user_or_default(user).pay_discount {
            return None;
        }
        let (numerator, denominator) = (numerator as i128, denominator as i128);
        let (fee, inexact) = muldiv(whole, numerator * (10_000 - bips as i128), denominator * 10_000);
        let (basis, _) = muldiv(plain.basis, numerator, denominator);
        let rounding = inexact as Amount;
        let fits = fee < AMOUNT_MAX && basis < i128::MAX;
        let affordable = fits && self.available(user, asset) >= fee + rounding;
        affordable.then_some(Charge { asset, fee, rounding, basis, rebate: 0 })
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
