//! How much is allowed, which may change while the service runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::super::config::SpotApiSection;

/// A limit; 0: there is none.
#[derive(Clone, Debug)]
pub struct Max(Arc<AtomicU32>);

impl Max {
    pub fn new(max: u32) -> Max {
        Max(Arc::new(AtomicU32::new(max)))
    }

    pub fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }

    pub fn allows(&self, count: u32) -> bool {
        let max = self.get();
        max == 0 || count <= max
    }
}

/// The limits of the API that `exchangeInfo` tells, by the keys of their settings. What is counted stays when one changes.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) weight_1m: Max,
    pub(super) raw_5m: Max,
    pub(super) orders_10s: Max,
    pub(super) orders_1d: Max,
    /// What the settings say, in the order of [`Rules::KEYS`].
    first: [u32; 4],
}

impl Rules {
    /// Keys of `[spotapi]`.
    pub const KEYS: [&'static str; 4] = ["weight_1m_max", "raw_requests_5m_max", "orders_10s_max", "orders_1d_max"];

    pub fn new(config: &SpotApiSection) -> Rules {
        let first = [config.weight_1m_max, config.raw_requests_5m_max, config.orders_10s_max, config.orders_1d_max];
        let [weight_1m, raw_5m, orders_10s, orders_1d] = first.map(Max::new);
        Rules { weight_1m, raw_5m, orders_10s, orders_1d, first }
    }

    /// Sets a limit from now on, or, with none, what the settings say. False when there is no such key.
    pub fn set(&self, key: &str, max: Option<u32>) -> bool {
        let Some(at) = Rules::KEYS.iter().position(|known| *known == key) else { return false };
        let limits = [&self.weight_1m, &self.raw_5m, &self.orders_10s, &self.orders_1d];
        limits[at].0.store(max.unwrap_or(self.first[at]), Relaxed);
        true
    }

    /// Orders of an account in ten seconds and in a day.
    pub fn orders(&self) -> (u32, u32) {
        (self.orders_10s.get(), self.orders_1d.get())
    }

    /// As `rateLimits` tells them: type, unit, units, limit. One that is switched off is left out.
    pub fn in_force(&self) -> impl Iterator<Item = (&'static str, &'static str, u32, u32)> {
        let rows = [
            ("REQUEST_WEIGHT", "MINUTE", 1, self.weight_1m.get()),
            ("ORDERS", "SECOND", 10, self.orders_10s.get()),
            ("ORDERS", "DAY", 1, self.orders_1d.get()),
            ("RAW_REQUESTS", "MINUTE", 5, self.raw_5m.get()),
        ];
        rows.into_iter().filter(|(_, _, _, limit)| *limit > 0)
    }
}
