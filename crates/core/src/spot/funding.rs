//! Credits, debits and transfers: each once per (user, asset, business, business id), however often it is sent.

use std::collections::BTreeMap;

use super::command::{Account, Counter, DETAIL_MAX, Funding};
use super::event::{Event, Events, Posting};
use super::reject::Reject;
use super::state::Spot;
use crate::hash::pair;
use crate::ids::{AssetId, UserId};
use crate::num::{AMOUNT_MAX, Amount};
use crate::slots::SlotIndex;
use crate::text::Label;

/// A movement made: kept for ever, so that no deposit is credited twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Made {
    pub user: u64,
    pub asset: u32,
    pub business: u32,
    pub business_id: i64,
    /// Signed: negative for a debit.
    pub amount: Amount,
    /// Owner of the other account.
    pub counter: u64,
}

#[derive(Clone, Default)]
pub(super) struct Fundings {
    pub businesses: Vec<Label>,
    business_index: BTreeMap<Label, u32>,
    pub made: Vec<Made>,
    index: SlotIndex,
}

impl Fundings {
    pub fn business(&mut self, label: Label) -> u32 {
        if let Some(at) = self.business_index.get(&label) {
            return *at;
        }
        let at = self.businesses.len() as u32;
        self.businesses.push(label);
        self.business_index.insert(label, at);
        at
    }

    fn find(&self, user: u64, asset: u32, business: Label, business_id: i64) -> Option<&Made> {
        let business = *self.business_index.get(&business)?;
        let at = self.index.find(hash_of(user, asset, business, business_id), |at| {
            let made = &self.made[at as usize];
            (made.user, made.asset, made.business, made.business_id) == (user, asset, business, business_id)
        })?;
        Some(&self.made[at as usize])
    }

    pub fn record(&mut self, made: Made) {
        let at = self.made.len() as u32;
        self.made.push(made);
        self.index.insert(made.hash(), at);
    }

    /// Puts back the movements of a snapshot.
    pub fn restore(&mut self, made: Vec<Made>) {
        let keys = made.iter().enumerate().map(|(at, made)| (made.hash(), at as u32));
        self.index = SlotIndex::of(made.len(), keys);
        self.made = made;
    }
}

fn hash_of(user: u64, asset: u32, business: u32, business_id: i64) -> u64 {
    pair(pair(user, business_id as u64), (asset as u64) << 32 | business as u64)
}

impl Made {
    fn hash(&self) -> u64 {
        hash_of(self.user, self.asset, self.business, self.business_id)
    }
}

impl Spot {
    pub(super) fn credit(&mut self, funding: &Funding, out: &mut Events) -> Result<(), Reject> {
        let counter = match funding.counter {
            Counter::External => Account::Deposits,
            Counter::House => Account::House,
        };
        self.check_funding(funding)?;
        let posting = posting(counter, Account::User(funding.user), funding);
        self.make(funding, posting, funding.amount, out)
    }

    pub(super) fn debit(&mut self, funding: &Funding, out: &mut Events) -> Result<(), Reject> {
        let counter = match funding.counter {
            Counter::External => Account::Withdrawals,
            Counter::House => Account::House,
        };
        self.check_funding(funding)?;
        let posting = posting(Account::User(funding.user), counter, funding);
        self.make(funding, posting, -funding.amount, out)
    }

    pub(super) fn transfer(&mut self, from: UserId, funding: &Funding, out: &mut Events) -> Result<(), Reject> {
        self.check_funding(funding)?;
        if from.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        if from == funding.user {
            return Err(Reject::TransferToSelf);
        }
        let posting = posting(Account::User(from), Account::User(funding.user), funding);
        self.make(funding, posting, funding.amount, out)
    }

    fn check_funding(&self, funding: &Funding) -> Result<(), Reject> {
        if funding.asset.0 as usize >= self.assets.len() {
            return Err(Reject::UnknownAsset);
        }
        if funding.user.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        let in_form = funding.amount > 0
            && funding.amount <= AMOUNT_MAX
            && !funding.business.is_empty()
            && funding.detail.len() <= DETAIL_MAX;
        if in_form { Ok(()) } else { Err(Reject::InvalidAmount) }
    }

    /// Makes the movement unless it was made; `signed` is its amount as seen by the user whose key it is.
    fn make(&mut self, funding: &Funding, posting: Posting, signed: Amount, out: &mut Events) -> Result<(), Reject> {
        let counter = crate::ledger::owner_of(if signed > 0 { posting.from } else { posting.to });
        let key = (funding.user.0, funding.asset.0, funding.business, funding.business_id);
        if let Some(made) = self.fundings.find(key.0, key.1, key.2, key.3) {
            if made.amount != signed || made.counter != counter {
                return Err(Reject::BusinessConflict);
            }
            out.push(Event::Posting(Posting { repeated: true, ..posting }));
            return Ok(());
        }
        self.check_supply(&posting)?;
        self.check_source(&posting)?;
        if let Account::User(user) = posting.to {
            self.open_user(user.0);
        }
        self.shift(posting.from, posting.to, posting.asset, posting.amount);
        let business = self.fundings.business(funding.business);
        self.fundings.record(Made { user: key.0, asset: key.1, business, business_id: key.3, amount: signed, counter });
        out.push(Event::Posting(posting));
        Ok(())
    }

    /// The supply of an asset stays within the range of an amount.
    fn check_supply(&self, posting: &Posting) -> Result<(), Reject> {
        let clearing = match (posting.from, posting.to) {
            (Account::Deposits, _) => Account::Deposits,
            (_, Account::Withdrawals) => Account::Withdrawals,
            _ => return Ok(()),
        };
        let so_far = self.ledger.available(self.ledger.system(clearing, posting.asset)).abs();
        if so_far + posting.amount > AMOUNT_MAX { Err(Reject::SupplyLimit) } else { Ok(()) }
    }

    fn check_source(&self, posting: &Posting) -> Result<(), Reject> {
        if posting.from == Account::Deposits {
            return Ok(());
        }
        let available = self.ledger.find(posting.from, posting.asset).map_or(0, |place| self.ledger.available(place));
        if available < posting.amount { Err(Reject::InsufficientBalance) } else { Ok(()) }
    }

    fn shift(&mut self, from: Account, to: Account, asset: AssetId, amount: Amount) {
        let from = self.ledger.find_or_open(from, asset);
        let to = self.ledger.find_or_open(to, asset);
        self.ledger.add(from, -amount);
        self.ledger.add(to, amount);
    }

    /// Between the exchange's own accounts.
    pub(super) fn sweep(
        &mut self,
        from: Account,
        to: Account,
        asset: AssetId,
        amount: Amount,
        out: &mut Events,
    ) -> Result<(), Reject> {
        if asset.0 as usize >= self.assets.len() {
            return Err(Reject::UnknownAsset);
        }
        let allowed = matches!(
            (from, to),
            (Account::Fees | Account::Rounding | Account::Insurance, Account::House)
                | (Account::House, Account::Insurance)
                // The house's own capital comes and goes through clearing, like everybody's.
                | (Account::Deposits, Account::House)
                | (Account::House, Account::Withdrawals)
        );
        if !allowed || amount <= 0 || amount > AMOUNT_MAX {
            return Err(Reject::InvalidAmount);
        }
        let business = Label::new("sweep").expect("short");
        let posting = Posting { from, to, asset, amount, business, business_id: self.seq.0 as i64, repeated: false };
        self.check_supply(&posting)?;
        self.check_source(&posting)?;
        self.shift(from, to, asset, amount);
        out.push(Event::Posting(posting));
        Ok(())
    }
}

fn posting(from: Account, to: Account, funding: &Funding) -> Posting {
    Posting {
        from,
        to,
        asset: funding.asset,
        amount: funding.amount,
        business: funding.business,
        business_id: funding.business_id,
        repeated: false,
    }
}
