//! Double entry. Funds only move between accounts of one asset, so each command's postings sum to zero per asset; that is
//! checked after every command. Balances are never negative but on the clearing accounts; that is checked on every posting.
//!
//! What users have of each asset together is kept up with every posting, so that asking for it walks no balances;
//! [`Ledger::users_summed`] sums it anew, for tests and `allin log verify`.

mod names;
#[cfg(test)]
mod tests;

use crate::hash::pair;
use crate::ids::AssetId;
use crate::num::{AMOUNT_MAX, Amount};
use crate::prefetch::prefetch_at;
use crate::slots::SlotIndex;
use crate::spot::command::Account;
use crate::spot::view::{AccountBalance, Balance, Conservation};
pub use names::{SYSTEM_ACCOUNTS, account_of, owner_of};

/// Place of a balance in the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(pub u32);

/// A balance: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Entry {
    pub available: Amount,
    pub held: Amount,
    pub owner: u64,
    pub asset: u32,
    /// 1 while in `touched`.
    pub dirty: u32,
}

/// What the users have of an asset together.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Users {
    pub available: Amount,
    /// Users with something available.
    pub available_users: u64,
    pub held: Amount,
    pub held_users: u64,
}

impl Users {
    /// Adds a user's balance; None when no sum can be that large.
    fn count(&mut self, entry: &Entry) -> Option<()> {
        self.available = self.available.checked_add(entry.available)?;
        self.available_users += (entry.available > 0) as u64;
        self.held = self.held.checked_add(entry.held)?;
        self.held_users += (entry.held > 0) as u64;
        Some(())
    }
}

/// All balances. Owns no rule of trading.
#[derive(Clone, Default)]
pub struct Ledger {
    pub(crate) entries: Vec<Entry>,
    index: SlotIndex,
    /// First of the six system accounts of each asset.
    system: Vec<u32>,
    /// By asset.
    users: Vec<Users>,
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
        self.users.push(Users::default());
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

    /// The ledger of a snapshot's entries, in their old order. None when no ledger of so many assets has them.
    pub(crate) fn restore(entries: Vec<Entry>, assets: u32) -> Option<Ledger> {
        let fees = owner_of(Account::Fees);
        let (mut system, mut users, mut is_summed) = (vec![], vec![Users::default(); assets as usize], true);
        // One walk for all: it is the memory that it waits for.
        let keys = entries.iter().enumerate().map(|(at, entry)| {
            if !names::is_system(entry.owner) {
                is_summed &= users.get_mut(entry.asset as usize).is_some_and(|users| users.count(entry).is_some());
            } else if entry.owner == fees {
                system.push(at as u32);
            }
            (pair(entry.owner, entry.asset as u64), at as u32)
        });
        let index = SlotIndex::of(entries.len(), keys);
        let stands = |(asset, first): (usize, &u32)| {
            SYSTEM_ACCOUNTS.iter().enumerate().all(|(at, account)| {
                let entry = entries.get(*first as usize + at);
                entry.is_some_and(|entry| entry.owner == owner_of(*account) && entry.asset as usize == asset)
            })
        };
        if !is_summed || system.len() != assets as usize || !system.iter().enumerate().all(stands) {
            return None;
        }
        let net = vec![0; system.len()];
        Some(Ledger { entries, index, system, users, net, unbalanced: 0, touched: vec![] })
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

    /// Starts loading the way to a balance, and with [`Ledger::prefetch`] the balance itself.
    #[inline]
    pub fn prefetch_way(&self, owner: u64, asset: AssetId) {
        self.index.prefetch(pair(owner, asset.0 as u64));
    }

    /// The place where a balance most likely is.
    #[inline]
    pub fn guess(&self, owner: u64, asset: AssetId) -> Place {
        self.index.guess(pair(owner, asset.0 as u64)).map_or(Place::NONE, Place)
    }

    #[inline]
    pub fn prefetch(&self, place: Place) {
        prefetch_at(&self.entries, place.0 as usize);
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
        self.shift(place, -amount, amount);
        self.touch(place);
        true
    }

    /// Changes a balance, and with it what the users have together.
    #[inline]
    fn shift(&mut self, place: Place, available: Amount, held: Amount) {
        let entry = &mut self.entries[place.0 as usize];
        let before = (entry.available > 0, entry.held > 0);
        entry.available += available;
        entry.held += held;
        if !names::is_system(entry.owner) {
            let users = &mut self.users[entry.asset as usize];
            users.available += available;
            users.held += held;
            // A difference of minus one wraps, and the sum wraps back.
            let step = |before: bool, after: bool| (after as u64).wrapping_sub(before as u64);
            users.available_users = users.available_users.wrapping_add(step(before.0, entry.available > 0));
            users.held_users = users.held_users.wrapping_add(step(before.1, entry.held > 0));
        }
    }

    /// Held → available.
    #[inline]
    pub fn release(&mut self, place: Place, amount: Amount) {
        if amount == 0 {
            return;
        }
        let entry = &self.entries[place.0 as usize];
        assert!(amount > 0 && entry.held >= amount, "releases what is held");
        self.shift(place, amount, -amount);
        self.touch(place);
    }

    /// Takes held funds out; the same command must post them elsewhere.
    #[inline]
    pub fn spend(&mut self, place: Place, amount: Amount) {
        let entry = &self.entries[place.0 as usize];
        assert!(amount >= 0 && entry.held >= amount, "spends what is held");
        let asset = entry.asset;
        self.shift(place, 0, -amount);
        self.touch(place);
        self.post(asset, -amount);
    }

    /// Adds to (or takes from) what is available; the same command must post the opposite elsewhere.
    #[inline]
    pub fn add(&mut self, place: Place, amount: Amount) {
        if amount == 0 {
            return;
        }
        self.shift(place, amount, 0);
        let entry = &self.entries[place.0 as usize];
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
        let sum_of = |(asset, users): (usize, &Users)| {
            let asset = AssetId(asset as u32);
            let of = |account| self.available(self.system(account, asset));
            Conservation {
                users_available: users.available,
                users_held: users.held,
                fees: of(Account::Fees),
                rounding: of(Account::Rounding),
                house: of(Account::House),
                insurance: of(Account::Insurance),
                deposits: of(Account::Deposits),
                withdrawals: of(Account::Withdrawals),
                ..Conservation::empty(asset)
            }
        };
        self.users.iter().enumerate().map(sum_of).collect()
    }

    /// What the users have of an asset; nothing of one that is not listed.
    pub fn users(&self, asset: AssetId) -> Users {
        self.users.get(asset.0 as usize).copied().unwrap_or_default()
    }

    /// The same of every asset, summed anew over all balances. None when no sum can be that large.
    pub fn users_summed(&self) -> Option<Vec<Users>> {
        let mut sums = vec![Users::default(); self.system.len()];
        for entry in self.entries.iter().filter(|entry| !names::is_system(entry.owner)) {
            sums.get_mut(entry.asset as usize)?.count(entry)?;
        }
        Some(sums)
    }
}
