//! Double entry. Funds only move between accounts of one asset, so each command's postings sum to zero per asset; that is
//! checked after every command. Balances are never negative but on the clearing accounts; that is checked on every posting.

mod names;
#[cfg(test)]
mod tests;

use crate::hash::pair;
use crate::ids::AssetId;
use crate::num::{AMOUNT_MAX, Amount};
use crate::slots::SlotIndex;
use crate::spot::command::Account;
use crate::spot::view::{AccountBalance, Balance, Conservation};
pub use names::{SYSTEM_ACCOUNTS, account_of, owner_of};

/// Place of a balance in the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(pub u32);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub available: Amount,
    pub held: Amount,
    pub owner: u64,
    pub asset: u32,
    /// 1 while in `touched`.
    pub dirty: u32,
}

/// All balances. Owns no rule of trading.
#[derive(Clone, Default)]
pub struct Ledger {
    pub(crate) entries: Vec<Entry>,
    index: SlotIndex,
    /// First of the six system accounts of each asset.
    system: Vec<u32>,
    /// Sum of this command's postings by asset, and how many of these are not zero.
    net: Vec<Amount>,
    unbalanced: u32,
    touched: Vec<u32>,
}

impl Place {
    pub const NONE: Place = Place(u32::MAX);
}

impl Ledger {
    /// Opens the system accounts of the next asset.
    pub fn open_asset(&mut self, asset: AssetId) {
        assert_eq!(asset.0 as usize, self.system.len(), "assets open in order");
        self.system.push(self.entries.len() as u32);
        self.net.push(0);
        for account in SYSTEM_ACCOUNTS {
            self.open(owner_of(account), asset.0);
        }
    }

    fn open(&mut self, owner: u64, asset: u32) -> Place {
        let place = u32::try_from(self.entries.len()).expect("fewer than 2^32 balances");
        self.entries.push(Entry { available: 0, held: 0, owner, asset, dirty: 0 });
        self.index.insert(pair(owner, asset as u64), place);
        Place(place)
    }

    /// The ledger of a snapshot's entries, in their old order.
    pub(crate) fn restore(entries: Vec<Entry>) -> Ledger {
        let fees = owner_of(Account::Fees);
        let index = SlotIndex::of(entries.iter().enumerate().map(|(at, e)| (pair(e.owner, e.asset as u64), at as u32)));
        let system: Vec<u32> = (0..entries.len() as u32).filter(|at| entries[*at as usize].owner == fees).collect();
        let net = vec![0; system.len()];
        Ledger { entries, index, system, net, unbalanced: 0, touched: vec![] }
    }

    pub fn find(&self, account: Account, asset: AssetId) -> Option<Place> {
        let owner = owner_of(account);
        let is = |at: u32| {
            let entry = &self.entries[at as usize];
            entry.owner == owner && entry.asset == asset.0
        };
        self.index.find(pair(owner, asset.0 as u64), is).map(Place)
    }

    pub fn find_or_open(&mut self, account: Account, asset: AssetId) -> Place {
        match self.find(account, asset) {
            Some(place) => place,
            None => self.open(owner_of(account), asset.0),
        }
    }

    /// Place of a system account; `account` must be one.
    #[inline]
    pub fn system(&self, account: Account, asset: AssetId) -> Place {
        let offset = match account {
            Account::Fees => 0,
            Account::Rounding => 1,
            Account::House => 2,
            Account::Insurance => 3,
            Account::Deposits => 4,
            Account::Withdrawals => 5,
            Account::User(_) => unreachable!("not a system account"),
        };
        Place(self.system[asset.0 as usize] + offset)
    }

    #[inline]
    pub fn balance(&self, place: Place) -> Balance {
        match self.entries.get(place.0 as usize) {
            Some(entry) => Balance { available: entry.available, held: entry.held },
            None => Balance::default(),
        }
    }

    #[inline]
    pub fn available(&self, place: Place) -> Amount {
        self.entries.get(place.0 as usize).map_or(0, |e| e.available)
    }

    #[inline]
    fn touch(&mut self, place: Place) {
        let entry = &mut self.entries[place.0 as usize];
        if entry.dirty == 0 {
            entry.dirty = 1;
            self.touched.push(place.0);
        }
    }

    /// Available → held. False, and nothing done, when there is too little. Zero is no change.
    #[inline]
    pub fn hold(&mut self, place: Place, amount: Amount) -> bool {
        if amount == 0 {
            return true;
        }
        let Some(entry) = self.entries.get_mut(place.0 as usize) else { return false };
        if entry.available < amount {
            return false;
        }
        assert!(amount > 0, "a hold is positive");
        entry.available -= amount;
        entry.held += amount;
        self.touch(place);
        true
    }

    /// Held → available.
    #[inline]
    pub fn release(&mut self, place: Place, amount: Amount) {
        if amount == 0 {
            return;
        }
        let entry = &mut self.entries[place.0 as usize];
        assert!(amount > 0 && entry.held >= amount, "releases what is held");
        entry.held -= amount;
        entry.available += amount;
        self.touch(place);
    }

    /// Takes held funds out; the same command must post them elsewhere.
    #[inline]
    pub fn spend(&mut self, place: Place, amount: Amount) {
        let entry = &mut self.entries[place.0 as usize];
        assert!(amount >= 0 && entry.held >= amount, "spends what is held");
        entry.held -= amount;
        let asset = entry.asset;
        self.touch(place);
        self.post(asset, -amount);
    }

    /// Adds to (or takes from) what is available; the same command must post the opposite elsewhere.
    #[inline]
    pub fn add(&mut self, place: Place, amount: Amount) {
        if amount == 0 {
            return;
        }
        let entry = &mut self.entries[place.0 as usize];
        entry.available += amount;
        let (asset, owner, after) = (entry.asset, entry.owner, entry.available);
        assert!(after >= 0 || names::is_clearing(owner), "only clearing accounts may be negative");
        assert!((-AMOUNT_MAX..=AMOUNT_MAX).contains(&after), "supply is bounded by credits");
        self.touch(place);
        self.post(asset, amount);
    }

    #[inline]
    fn post(&mut self, asset: u32, amount: Amount) {
        let net = &mut self.net[asset as usize];
        let before = *net;
        *net += amount;
        self.unbalanced += (*net != 0) as u32;
        self.unbalanced -= (before != 0) as u32;
    }

    /// Ends a command: asserts that its postings summed to zero, and tells every touched balance, by owner and asset.
    #[inline]
    pub fn finish(&mut self, mut tell: impl FnMut(Account, AssetId, Balance)) {
        assert_eq!(self.unbalanced, 0, "postings of a command sum to zero per asset");
        if self.touched.len() > 1 {
            let entries = &self.entries;
            self.touched.sort_unstable_by_key(|place| {
                let entry = &entries[*place as usize];
                (entry.owner, entry.asset)
            });
        }
        for place in self.touched.drain(..) {
            let entry = &mut self.entries[place as usize];
            entry.dirty = 0;
            tell(
                account_of(entry.owner),
                AssetId(entry.asset),
                Balance { available: entry.available, held: entry.held },
            );
        }
    }

    /// Balances of an account, by asset.
    pub fn balances(&self, account: Account) -> Vec<AccountBalance> {
        (0..self.system.len() as u32)
            .filter_map(|asset| {
                let place = self.find(account, AssetId(asset))?;
                Some(AccountBalance { account, asset: AssetId(asset), balance: self.balance(place) })
            })
            .collect()
    }

    /// Sums by asset; `reserved` is left 0 for the caller.
    pub fn sums(&self) -> Vec<Conservation> {
        let mut sums: Vec<Conservation> =
            (0..self.system.len() as u32).map(|a| Conservation::empty(AssetId(a))).collect();
        for entry in &self.entries {
            let sum = &mut sums[entry.asset as usize];
            match account_of(entry.owner) {
                Account::User(_) => {
                    sum.users_available += entry.available;
                    sum.users_held += entry.held;
                }
                Account::Fees => sum.fees += entry.available,
                Account::Rounding => sum.rounding += entry.available,
                Account::House => sum.house += entry.available,
                Account::Insurance => sum.insurance += entry.available,
                Account::Deposits => sum.deposits += entry.available,
                Account::Withdrawals => sum.withdrawals += entry.available,
            }
        }
        sums
    }

    /// Users' available and held of an asset, each with the number of users that have some.
    pub fn summary(&self, asset: AssetId) -> (Amount, u64, Amount, u64) {
        let mut sum = (0, 0, 0, 0);
        for entry in
            self.entries.iter().filter(|e| e.asset == asset.0 && matches!(account_of(e.owner), Account::User(_)))
        {
            sum.0 += entry.available;
            sum.1 += (entry.available > 0) as u64;
            sum.2 += entry.held;
            sum.3 += (entry.held > 0) as u64;
        }
        sum
    }
}
