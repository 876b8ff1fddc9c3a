//! How often something may be tried: attempts by address and by account, counted over a sliding window.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use allin_core::ids::Timestamp;

use super::error::Problem;

/// Addresses and accounts that are counted at once. Beyond it attempts are refused: counting none of them would let in
/// whoever has enough addresses.
const ENTRIES_MAX: usize = 200_000;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Attempt {
    /// A registration.
    Register,
    /// A login or a code, right or wrong.
    Credential,
    /// A password reset asked for.
    Reset,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    /// An IPv4 address, or the first 64 bits of an IPv6 address: a subscriber has at least that many.
    Address(Attempt, u128),
    Account(Attempt, Box<str>),
    /// An account, from one address.
    Pair(Attempt, Box<str>, u128),
}

/// Who tries to log in.
#[derive(Clone, Copy)]
pub struct Trier<'a> {
    pub account: &'a str,
    pub address: IpAddr,
    /// The account was logged in to from there before.
    pub known: bool,
}

pub struct Limits {
    window_us: u64,
    per_address_max: u32,
    per_account_max: u32,
    by_strangers_max: u32,
    rooms: Mutex<Rooms>,
}

/// The window that runs and the one before; what the sliding window still covers of the latter counts in proportion.
#[derive(Default)]
struct Rooms {
    window: u64,
    now: HashMap<Key, u32>,
    before: HashMap<Key, u32>,
}

impl Limits {
    pub fn new(window_s: u64, per_address_max: u32, per_account_max: u32, by_strangers_max: u32) -> Limits {
        let window_us = window_s * Timestamp::SECOND;
        Limits { window_us, per_address_max, per_account_max, by_strangers_max, rooms: Mutex::default() }
    }

    pub fn take_address(&self, attempt: Attempt, address: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.take(Key::Address(attempt, subscriber(address)), self.per_address_max, now)
    }

    /// A login to an account from an address; [`Limits::give_back_login`] when it succeeded. Few from one address, and from
    /// all those that the account does not know together a bounded number: so a stranger closes his own way in, and not
    /// the owner's.
    pub fn take_login(&self, trier: Trier<'_>, now: Timestamp) -> Result<(), Problem> {
        let [pair, strangers] = login_keys(trier);
        self.take(pair, self.per_account_max, now)?;
        if trier.known { Ok(()) } else { self.take(strangers, self.by_strangers_max, now) }
    }

    pub fn give_back_login(&self, trier: Trier<'_>) {
        let [pair, strangers] = login_keys(trier);
        self.give_back_key(&pair);
        if !trier.known {
            self.give_back_key(&strangers);
        }
    }

    /// Taken before the attempt, so that many at once count; [`Limits::give_back`] when it succeeded.
    pub fn take_account(&self, attempt: Attempt, account: &str, now: Timestamp) -> Result<(), Problem> {
        self.take(Key::Account(attempt, account.into()), self.per_account_max, now)
    }

    pub fn give_back(&self, attempt: Attempt, account: &str) {
        self.give_back_key(&Key::Account(attempt, account.into()));
    }

    fn give_back_key(&self, key: &Key) {
        let mut rooms = self.rooms.lock().expect("no holder panics");
        if let Some(count) = rooms.now.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }

    fn take(&self, key: Key, max: u32, now: Timestamp) -> Result<(), Problem> {
        let (window, into) = (now.0 / self.window_us, now.0 % self.window_us);
        let left_us = self.window_us - into;
        let refused = || Problem::too_many(left_us.div_ceil(Timestamp::SECOND));
        let mut rooms = self.rooms.lock().expect("no holder panics");
        // Never back: a clock that goes back must not empty the counts.
        if window > rooms.window {
            let before = std::mem::take(&mut rooms.now);
            rooms.before = if window == rooms.window + 1 { before } else { HashMap::new() };
            rooms.window = window;
        }
        let before = u64::from(rooms.before.get(&key).copied().unwrap_or(0));
        let counted = before.saturating_mul(left_us) / self.window_us;
        if !rooms.now.contains_key(&key) && rooms.now.len() >= ENTRIES_MAX {
            return Err(refused());
        }
        let count = rooms.now.entry(key).or_default();
        if u64::from(*count) + counted >= u64::from(max) {
            return Err(refused());
        }
        *count += 1;
        Ok(())
    }
}

fn login_keys(trier: Trier<'_>) -> [Key; 2] {
    let Trier { account, address, .. } = trier;
    let pair = Key::Pair(Attempt::Credential, account.into(), subscriber(address));
    [pair, Key::Account(Attempt::Credential, account.into())]
}

/// An address as a number that no other subscriber has.
fn subscriber(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64 | 1 << 32,
    }
}

/// The same as text, to be kept.
pub fn subscriber_name(address: IpAddr) -> String {
    format!("{:x}", subscriber(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_700_000_000 / 600 * 600;

    fn at(second: u64) -> Timestamp {
        Timestamp((START + second) * Timestamp::SECOND)
    }

    #[test]
    fn a_window_slides() {
        let limits = Limits::new(600, 4, 2, 100);
        let ip: IpAddr = "1.2.3.4".parse().expect("an address");
        let take = |second| limits.take_address(Attempt::Register, ip, at(second)).is_ok();
        assert_eq!([0, 1, 2, 599].map(take), [true; 4]);
        assert!(!take(599));
        // All four still count at the beginning of the next window, two in its middle.
        assert!(!take(600));
        assert!(take(900) && take(900) && !take(900));
        assert!(take(3000));
    }

    #[test]
    fn what_is_counted_apart() {
        let limits = Limits::new(600, 1, 1, 100);
        let take = |ip: &str| limits.take_address(Attempt::Register, ip.parse().expect("address"), at(0)).is_ok();
        assert!(take("1.2.3.4") && !take("1.2.3.4") && !take("::ffff:1.2.3.4") && take("1.2.3.5"));
        assert!(take("2001:db8::1") && !take("2001:db8::ffff:2") && take("2001:db8:0:1::1"));
        assert!(limits.take_address(Attempt::Reset, "1.2.3.4".parse().expect("address"), at(0)).is_ok());
        let take = |account| limits.take_account(Attempt::Credential, account, at(0)).is_ok();
        assert!(take("a") && !take("a") && take("b"));
        limits.give_back(Attempt::Credential, "a");
        assert!(take("a") && !take("a"));
    }

    #[test]
    fn strangers_close_their_own_way_in() {
        let limits = Limits::new(600, 100, 2, 5);
        let try_from = |ip: &str, known| {
            let trier = Trier { account: "ann", address: ip.parse().expect("address"), known };
            limits.take_login(trier, at(0)).is_ok()
        };
        // Two from each address, five from all strangers together; whoever is known has his own two.
        assert!(try_from("1.1.1.1", false) && try_from("1.1.1.1", false) && !try_from("1.1.1.1", false));
        assert!(try_from("2.2.2.2", false) && try_from("3.3.3.3", false) && try_from("4.4.4.4", false));
        assert!(!try_from("5.5.5.5", false));
        assert!(try_from("6.6.6.6", true) && try_from("6.6.6.6", true) && !try_from("6.6.6.6", true));
        let trier = Trier { account: "ann", address: "4.4.4.4".parse().expect("address"), known: false };
        limits.give_back_login(trier);
        assert!(try_from("7.7.7.7", false) && !try_from("7.7.7.8", false));
    }
}
