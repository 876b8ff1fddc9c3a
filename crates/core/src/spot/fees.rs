//! Fees and rebates of a fill. Every unit lands in an account: the floor of a fee in Fees, the rounding unit in Rounding.

use super::command::Account;
use super::state::{Spot, User};
use crate::ids::{AssetId, UserId};
use crate::ledger::Place;
use crate::num::{Amount, FeeRate, mul_div_floor};

/// What one side of a fill is charged.
#[derive(Clone, Copy)]
pub(super) struct Fee {
    pub asset: AssetId,
    pub floor: Amount,
    /// 0 or 1: the unit that rounding up took.
    pub up: Amount,
    /// Paid in the discount asset, from here; else out of what the fill brings.
    pub from: Option<Place>,
    /// What the fee's basis is in the fee's asset, for the maker's rebate.
    pub basis: Amount,
}

impl Fee {
    pub fn total(&self) -> Amount {
        self.floor + self.up
    }
}

impl Spot {
    /// The fee of a user who receives `amount` of `asset`.
    #[inline]
    pub(super) fn fee(&self, user_at: u32, asset: AssetId, amount: Amount, rate: FeeRate) -> Fee {
        let (floor, inexact) = rate.charge(amount);
        let fee = Fee { asset, floor, up: inexact as Amount, from: None, basis: amount };
        let user = &self.users[user_at as usize];
        if !user.pay_discount || rate.0 <= 0 {
            return fee;
        }
        self.discounted(user, &fee).unwrap_or(fee)
    }

    /// The same fee in the discount asset, if the user has enough of it.
    fn discounted(&self, user: &User, fee: &Fee) -> Option<Fee> {
        let discount = self.discount?;
        let (numerator, denominator) = *self.discount_rates.get(fee.asset.0 as usize)?;
        if numerator == 0 {
            return None;
        }
        let payable = numerator as u128 * (10_000 - discount.bips as u128);
        let (floor, inexact) = mul_div_floor(fee.total(), payable, denominator as u128 * 10_000)?;
        let (basis, _) = mul_div_floor(fee.basis, numerator as u128, denominator as u128)?;
        let asset = AssetId(discount.asset);
        let from = self.ledger.find(Account::User(UserId(user.id)), asset)?;
        let fee = Fee { asset, floor, up: inexact as Amount, from: Some(from), basis };
        (self.ledger.available(from) >= fee.total()).then_some(fee)
    }

    /// Credits what a fill brings, less its fee, and posts the fee; `rebate` of it goes to the maker instead of Fees.
    #[inline]
    pub(super) fn receive(&mut self, place: Place, amount: Amount, fee: &Fee, rebate: Amount) {
        match fee.from {
            None => self.ledger.add(place, amount - fee.total()),
            Some(from) => {
                self.ledger.add(place, amount);
                self.ledger.add(from, -fee.total());
            }
        }
        if fee.total() != 0 {
            let fees = self.ledger.system(Account::Fees, fee.asset);
            self.ledger.add(fees, fee.floor - rebate);
            let rounding = self.ledger.system(Account::Rounding, fee.asset);
            self.ledger.add(rounding, fee.up);
        }
    }
}
