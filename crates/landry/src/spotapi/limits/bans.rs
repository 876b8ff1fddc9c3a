//! Addresses that went on for too long, and until when they are refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use allin_core::ids::Timestamp;

/// The first ban's length; each further one is twice as long, up to the last.
const BAN: u64 = 2 * Timestamp::MINUTE;
const BAN_MAX: u64 = 3 * Timestamp::DAY;
/// A ban is remembered for this long after its end.
const BAN_MEMORY: u64 = Timestamp::DAY;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ban {
    pub until: Timestamp,
    pub length: u64,
}

pub(super) struct Bans {
    addresses_max: usize,
    is_shared: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    by_address: HashMap<IpAddr, Ban>,
    /// Those that the other nodes do not know yet.
    changed: Vec<IpAddr>,
}

impl Bans {
    pub fn new(addresses_max: u32, is_shared: bool) -> Bans {
        Bans { addresses_max: addresses_max as usize, is_shared, inner: Mutex::default() }
    }

    pub fn get(&self, address: IpAddr, now: Timestamp) -> Option<Timestamp> {
        self.inner().by_address.get(&address).map(|ban| ban.until).filter(|until| now < *until)
    }

    pub fn add(&self, address: IpAddr, now: Timestamp) -> Timestamp {
        let mut inner = self.inner();
        let known = inner.by_address.get(&address).filter(|ban| now < ban.until.plus(BAN_MEMORY));
        let length = known.map_or(BAN, |ban| (ban.length * 2).min(BAN_MAX));
        let until = now.plus(length);
        self.put(&mut inner, address, Ban { until, length }, now);
        if self.is_shared {
            inner.changed.push(address);
        }
        until
    }

    /// Those that are remembered: all, or those that were made since they were last taken.
    pub fn take(&self, all: bool) -> Vec<(IpAddr, Ban)> {
        let mut inner = self.inner();
        let changed = std::mem::take(&mut inner.changed);
        match all {
            true => inner.by_address.iter().map(|(address, ban)| (*address, *ban)).collect(),
            false => changed.iter().filter_map(|address| Some((*address, *inner.by_address.get(address)?))).collect(),
        }
    }

    /// Takes in a ban of another node; the longer one holds.
    pub fn hear(&self, address: IpAddr, ban: Ban, now: Timestamp) {
        let mut inner = self.inner();
        if inner.by_address.get(&address).is_none_or(|known| known.until < ban.until) {
            self.put(&mut inner, address, ban, now);
        }
    }

    fn put(&self, inner: &mut Inner, address: IpAddr, ban: Ban, now: Timestamp) {
        let bans = &mut inner.by_address;
        if bans.len() >= self.addresses_max {
            bans.retain(|_, ban| now < ban.until.plus(BAN_MEMORY));
        }
        if bans.len() < self.addresses_max || bans.contains_key(&address) {
            bans.insert(address, ban);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
