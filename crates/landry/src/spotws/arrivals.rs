//! New connections by address, in fixed windows of five minutes (Binance Spot, "WebSocket Limits").

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use allin_core::ids::Timestamp;

const WINDOW: u64 = 5 * Timestamp::MINUTE;

pub(super) struct Arrivals {
    /// 0: no limit.
    max: u32,
    addresses_max: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    window: u64,
    /// The key `None` is shared by those for whom there is no room.
    by_address: HashMap<Option<IpAddr>, u32>,
}

impl Arrivals {
    pub fn new(max: u32, addresses_max: u32) -> Arrivals {
        Arrivals { max, addresses_max: addresses_max as usize, counts: Mutex::default() }
    }

    /// Counts a connection; the seconds to wait when it is one too many.
    pub fn count(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        if self.max == 0 {
            return Ok(());
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let window = now.0 / WINDOW;
        if counts.window < window {
            *counts = Counts { window, by_address: HashMap::new() };
        }
        let key = Some(owner(address));
        let fits = counts.by_address.contains_key(&key) || counts.by_address.len() < self.addresses_max;
        let count = counts.by_address.entry(key.filter(|_| fits)).or_default();
        *count = count.saturating_add(1);
        match *count <= self.max {
            true => Ok(()),
            false => Err((WINDOW - now.0 % WINDOW).div_ceil(Timestamp::SECOND)),
        }
    }
}

/// Whom an address belongs to: one of IPv6 to its network of 64 bits.
fn owner(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_by_address_and_window() {
        let arrivals = Arrivals::new(2, 2);
        let now = Timestamp(WINDOW * 1000);
        let come = |last: u8, at: Timestamp| arrivals.count([10, 0, 0, last].into(), at);
        assert_eq!([come(1, now), come(1, now), come(1, now)], [Ok(()), Ok(()), Err(300)]);
        assert_eq!(come(1, now.plus(Timestamp::MINUTE)), Err(240));
        assert_eq!(come(2, now), Ok(()));
        assert_eq!([come(3, now), come(4, now), come(5, now)], [Ok(()), Ok(()), Err(300)], "these share one count");
        assert_eq!(come(1, now.plus(WINDOW)), Ok(()));
        let unlimited = Arrivals::new(0, 1);
        assert!((0..1000).all(|_| unlimited.count([10, 0, 0, 1].into(), now).is_ok()));
    }
}
