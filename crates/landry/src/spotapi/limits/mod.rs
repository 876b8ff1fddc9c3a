//! Request weight by address and orders by account, in fixed windows (Binance Spot REST, "LIMITS").
//!
//! A request is counted in this process, without a wait. Where several nodes serve, they tell each other what they counted
//! ([`share`]), and each refuses by the sum.

mod bans;
mod rules;
mod share;
mod windows;

use std::net::IpAddr;

use allin_core::ids::{Timestamp, UserId};
use allin_wire::binance::Code;

use super::call::Failure;
use super::config::SpotApiSection;
use bans::Bans;
use windows::Windows;

pub use rules::{Max, Rules};
pub(super) use share::share;

/// What was used of the limits after a request.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// Request weight of the address in this minute.
    pub weight_1m: u32,
    /// Orders of the account in these ten seconds and this day, where orders were placed.
    pub orders: Option<(u32, u32)>,
}

pub(super) struct Limits {
    weight_1m: Windows<Option<IpAddr>>,
    raw_5m: Windows<Option<IpAddr>>,
    refusals_1m: Windows<Option<IpAddr>>,
    ws_attempts_5m: Windows<Option<IpAddr>>,
    orders_10s: Windows<Option<UserId>>,
    orders_1d: Windows<Option<UserId>>,
    bans: Bans,
}

impl Limits {
    /// `is_shared`: other nodes count the same addresses and accounts.
    pub fn new(config: &SpotApiSection, rules: &Rules, is_shared: bool) -> Limits {
        let counted_max = config.counted_max;
        let by_address = |length, max: &Max| Windows::new(length, max.clone(), counted_max, is_shared);
        let by_account = |length, max: &Max| Windows::new(length, max.clone(), counted_max, is_shared);
        Limits {
            weight_1m: by_address(Timestamp::MINUTE, &rules.weight_1m),
            raw_5m: by_address(5 * Timestamp::MINUTE, &rules.raw_5m),
            ws_attempts_5m: by_address(5 * Timestamp::MINUTE, &Max::new(config.ws_attempts_5m_max)),
            refusals_1m: by_address(Timestamp::MINUTE, &Max::new(config.refusals_before_ban)),
            orders_10s: by_account(10 * Timestamp::SECOND, &rules.orders_10s),
            orders_1d: by_account(Timestamp::DAY, &rules.orders_1d),
            bans: Bans::new(counted_max, is_shared),
        }
    }

    fn by_address(&self) -> [(&'static str, &Windows<Option<IpAddr>>); 4] {
        [
            ("weight_1m", &self.weight_1m),
            ("raw_5m", &self.raw_5m),
            ("refusals_1m", &self.refusals_1m),
            ("ws_attempts_5m", &self.ws_attempts_5m),
        ]
    }

    fn by_account(&self) -> [(&'static str, &Windows<Option<UserId>>); 2] {
        [("orders_10s", &self.orders_10s), ("orders_1d", &self.orders_1d)]
    }

    /// Charges a request to its address: the weight used in this minute, or 429, or 418.
    pub fn charge(&self, address: IpAddr, weight: u32, now: Timestamp) -> Result<u32, (u32, Failure)> {
        let address = owner(address);
        if let Some(until) = self.bans.get(address, now) {
            return Err((self.weight_1m.get(Some(address), now), banned(until, now)));
        }
        let (used, in_weight) = self.weight_1m.add(Some(address), weight, now);
        let (_, in_raw) = self.raw_5m.add(Some(address), 1, now);
        if in_weight && in_raw {
            return Ok(used);
        }
        let (refusals, patient) = self.refusals_1m.add(Some(address), 1, now);
        if !patient && refusals > self.refusals_1m.max.get() {
            let until = self.bans.add(address, now);
            return Err((used, banned(until, now)));
        }
        let (max, unit, wait) = match in_weight {
            false => (self.weight_1m.max.get(), "request weight per 1 MINUTE", self.weight_1m.rest(now)),
            true => (self.raw_5m.max.get(), "raw requests per 5 MINUTE", self.raw_5m.rest(now)),
        };
        let msg = format!(
            "Too much request weight used; current limit is {max} {unit}. Please use WebSocket Streams for live updates \
             to avoid polling the API."
        );
        Err((used, Failure { status: 429, retry_after: Some(wait), ..Failure::new(Code::TooManyRequests, msg) }))
    }

    /// Takes back the weight of a request that turned out to be free; gives what is used without it.
    pub fn refund(&self, address: IpAddr, weight: u32, now: Timestamp) -> u32 {
        self.weight_1m.sub(Some(owner(address)), weight, now)
    }

    /// Counts an attempt to open a WebSocket connection.
    pub fn connect(&self, address: IpAddr, now: Timestamp) -> Result<(), Failure> {
        match self.ws_attempts_5m.add(Some(owner(address)), 1, now) {
            (_, true) => Ok(()),
            (_, false) => {
                let max = self.ws_attempts_5m.max.get();
                let msg = format!("Too many connection attempts from IP; current limit is {max} per '5 MINUTE'.");
                let retry_after = Some(self.ws_attempts_5m.rest(now));
                Err(Failure { status: 429, retry_after, ..Failure::new(Code::TooManyConnections, msg) })
            }
        }
    }

    /// Counts orders of an account before they are placed; refused ones are given back with [`Limits::give_back`].
    pub fn count_orders(&self, user: UserId, count: u32, now: Timestamp) -> Result<(u32, u32), Failure> {
        let (short, in_short) = self.orders_10s.add(Some(user), count, now);
        let (day, in_day) = self.orders_1d.add(Some(user), count, now);
        if in_short && in_day {
            return Ok((short, day));
        }
        self.give_back(user, count, now);
        let (max, unit, wait) = match in_short {
            false => (self.orders_10s.max.get(), "10 SECOND", self.orders_10s.rest(now)),
            true => (self.orders_1d.max.get(), "1 DAY", self.orders_1d.rest(now)),
        };
        let msg = format!("Too many new orders; current limit is {max} orders per {unit}.");
        Err(Failure { status: 429, retry_after: Some(wait), ..Failure::new(Code::TooManyOrders, msg) })
    }

    /// Orders that were not placed are not counted.
    pub fn give_back(&self, user: UserId, count: u32, now: Timestamp) {
        self.orders_10s.sub(Some(user), count, now);
        self.orders_1d.sub(Some(user), count, now);
    }

    /// Orders that were filled do not count either; every node sees that by itself.
    pub fn take_off(&self, user: UserId, count: u32, now: Timestamp) {
        self.orders_10s.take_off(Some(user), count, now);
        self.orders_1d.take_off(Some(user), count, now);
    }

    /// Whether any order may be counted at this moment: without one, no fill makes a difference.
    pub fn counts_orders(&self, now: Timestamp) -> bool {
        self.orders_1d.may_count(now)
    }

    /// Orders of an account in the present ten seconds and day.
    pub fn orders(&self, user: UserId, now: Timestamp) -> (u32, u32) {
        (self.orders_10s.get(Some(user), now), self.orders_1d.get(Some(user), now))
    }
}

/// Whom an address belongs to: one of IPv6 to its network of 64 bits.
fn owner(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

fn banned(until: Timestamp, now: Timestamp) -> Failure {
    let msg = format!(
        "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans.",
        until.millis()
    );
    let wait = until.0.saturating_sub(now.0).div_ceil(Timestamp::SECOND);
    let retry_after = Some(u32::try_from(wait).unwrap_or(u32::MAX));
    Failure { status: 418, retry_after, ..Failure::new(Code::TooManyRequests, msg) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(60_000_000_000_000);

    fn limits() -> Limits {
        let config = SpotApiSection {
            weight_1m_max: 10,
            orders_10s_max: 3,
            orders_1d_max: 4,
            refusals_before_ban: 2,
            counted_max: 3,
            ..SpotApiSection::default()
        };
        Limits::new(&config, &Rules::new(&config), false)
    }

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn weight_is_counted_by_address_and_minute() {
        let limits = limits();
        assert_eq!(limits.charge(address(1), 4, NOW), Ok(4));
        assert_eq!(limits.charge(address(1), 6, NOW), Ok(10));
        let (used, refused) = limits.charge(address(1), 1, NOW.plus(40 * Timestamp::SECOND)).expect_err("too much");
        assert_eq!((used, refused.status, refused.retry_after), (11, 429, Some(20)));
        assert_eq!(limits.charge(address(2), 4, NOW), Ok(4));
        assert_eq!(limits.charge(address(1), 1, NOW.plus(Timestamp::MINUTE)), Ok(1));
    }

    #[test]
    fn whoever_goes_on_is_banned_and_longer_each_time() {
        let limits = limits();
        let status =
            |now| limits.charge(address(1), 20, now).map_err(|(_, failure)| (failure.status, failure.retry_after));
        assert_eq!(status(NOW), Err((429, Some(60))));
        assert_eq!(status(NOW), Err((429, Some(60))));
        assert_eq!(status(NOW), Err((418, Some(120))));
        assert_eq!(status(NOW.plus(119 * Timestamp::SECOND)), Err((418, Some(1))));
        let later = NOW.plus(2 * Timestamp::MINUTE);
        assert_eq!(
            [status(later), status(later), status(later)].map(|s| s.unwrap_err()),
            [(429, Some(60)), (429, Some(60)), (418, Some(240))]
        );
    }

    #[test]
    fn orders_are_counted_by_account_and_given_back() {
        let limits = limits();
        assert_eq!(limits.count_orders(UserId(1), 2, NOW), Ok((2, 2)));
        assert_eq!(limits.count_orders(UserId(1), 2, NOW).expect_err("too many").error.code, Code::TooManyOrders);
        limits.give_back(UserId(1), 1, NOW);
        assert_eq!(limits.count_orders(UserId(1), 2, NOW), Ok((3, 3)));
        let later = NOW.plus(10 * Timestamp::SECOND);
        assert_eq!(limits.count_orders(UserId(1), 1, later), Ok((1, 4)));
        assert_eq!(limits.count_orders(UserId(1), 1, later).expect_err("a day's").retry_after, Some(86_400 - 38_410));
        assert_eq!(limits.orders(UserId(1), later), (1, 4));
    }

    #[test]
    fn those_beyond_the_bound_share_one_count() {
        let limits = limits();
        for last in 1..=3 {
            assert_eq!(limits.charge(address(last), 4, NOW), Ok(4));
        }
        assert_eq!(limits.charge(address(4), 4, NOW), Ok(4));
        assert_eq!(limits.charge(address(5), 4, NOW), Ok(8));
        assert_eq!(
            owner("2001:db8::1:2:3:4".parse().expect("address")),
            "2001:db8::".parse::<IpAddr>().expect("address")
        );
        assert_eq!(owner("::ffff:1.2.3.4".parse().expect("address")), "1.2.3.4".parse::<IpAddr>().expect("address"));
    }
}
