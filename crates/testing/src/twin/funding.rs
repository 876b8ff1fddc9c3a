//! Credits, debits, transfers and sweeps.

use allin_core::ids::{AssetId, UserId};
use allin_core::num::{AMOUNT_MAX, Amount};
use allin_core::spot::command::{Account, Counter, DETAIL_MAX, Funding};
use allin_core::spot::event::{Event, Posting};
use allin_core::spot::reject::Reject;
use allin_core::text::Label;

use super::{Outcome, Twin};

pub type Key = (UserId, AssetId, Label, i64);

/// What was moved under a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    from: Account,
    to: Account,
    amount: Amount,
}

impl Twin {
    pub(super) fn credit(&mut self, funding: &Funding) -> Outcome {
        self.check_funding(funding)?;
        let from = match funding.counter {
            Counter::External => Account::Deposits,
            Counter::House => Account::House,
        };
        self.movement(funding, from, Account::User(funding.user))
    }

    pub(super) fn debit(&mut self, funding: &Funding) -> Outcome {
        self.check_funding(funding)?;
        let to = match funding.counter {
            Counter::External => Account::Withdrawals,
            Counter::House => Account::House,
        };
        self.movement(funding, Account::User(funding.user), to)
    }

    pub(super) fn transfer(&mut self, from: UserId, funding: &Funding) -> Outcome {
        self.check_funding(funding)?;
        if from.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        if from == funding.user {
            return Err(Reject::TransferToSelf);
        }
        self.movement(funding, Account::User(from), Account::User(funding.user))
    }

    fn check_funding(&self, funding: &Funding) -> Outcome {
        self.asset_known(funding.asset)?;
        if funding.user.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        if funding.detail.len() > DETAIL_MAX || funding.business.is_empty() {
            return Err(Reject::InvalidAmount);
        }
        check_amount(funding.amount)
    }

    /// Moves once per key; again with the same body it only says so.
    fn movement(&mut self, funding: &Funding, from: Account, to: Account) -> Outcome {
        let key = (funding.user, funding.asset, funding.business, funding.business_id);
        let movement = Movement { from, to, amount: funding.amount };
        let repeated = match self.movements.get(&key) {
            Some(first) if *first != movement => return Err(Reject::BusinessConflict),
            Some(_) => true,
            None => false,
        };
        if !repeated {
            self.check_funds(funding.asset, from, to, funding.amount)?;
            if let Account::User(user) = to {
                self.create_user(user);
            }
            self.movements.insert(key, movement);
            self.pay(from, to, funding.asset, funding.amount);
        }
        let Funding { asset, amount, business, business_id, .. } = *funding;
        self.events.push(Event::Posting(Posting { from, to, asset, amount, business, business_id, repeated }));
        Ok(())
    }

    /// All that ever came in, and all that ever went out, stays within the largest amount; so does every balance then.
    fn check_funds(&self, asset: AssetId, from: Account, to: Account, amount: Amount) -> Outcome {
        let came_in = -self.total(Account::Deposits, asset);
        let went_out = self.total(Account::Withdrawals, asset);
        if from == Account::Deposits && came_in + amount > AMOUNT_MAX {
            return Err(Reject::SupplyLimit);
        }
        if to == Account::Withdrawals && went_out + amount > AMOUNT_MAX {
            return Err(Reject::SupplyLimit);
        }
        let covered = from == Account::Deposits || self.balance(from, asset).available >= amount;
        if covered { Ok(()) } else { Err(Reject::InsufficientBalance) }
    }

    pub(super) fn sweep(&mut self, from: Account, to: Account, asset: AssetId, amount: Amount) -> Outcome {
        self.asset_known(asset)?;
        let earned = matches!(from, Account::Fees | Account::Rounding | Account::Insurance) && to == Account::House;
        let insured = from == Account::House && to == Account::Insurance;
        let capital =
            (from, to) == (Account::Deposits, Account::House) || (from, to) == (Account::House, Account::Withdrawals);
        if !earned && !insured && !capital {
            return Err(Reject::InvalidAmount);
        }
        check_amount(amount)?;
        self.check_funds(asset, from, to, amount)?;
        self.pay(from, to, asset, amount);
        let (business, business_id) = (Label::new("sweep").expect("short"), self.seq.0 as i64);
        let posting = Posting { from, to, asset, amount, business, business_id, repeated: false };
        self.events.push(Event::Posting(posting));
        Ok(())
    }

    pub(super) fn asset_known(&self, asset: AssetId) -> Outcome {
        if (asset.0 as usize) < self.assets.len() { Ok(()) } else { Err(Reject::UnknownAsset) }
    }
}

fn check_amount(amount: Amount) -> Outcome {
    if amount > 0 && amount <= AMOUNT_MAX { Ok(()) } else { Err(Reject::InvalidAmount) }
}
