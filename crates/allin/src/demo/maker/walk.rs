//! Prices: a seeded random walk in whole numbers, pulled back to where it began.

use std::collections::BTreeMap;

/// One, in the units of prices and quantities: 10^-8.
pub const ONE: i128 = 100_000_000;
/// Farthest step of a price at once, in millionths of it.
const STEP_PPM: i128 = 45;
/// The pull back to the first price: this part of the distance each step.
const PULL: i128 = 3000;

/// Random numbers that follow from a seed (SplitMix64, public domain).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i128, high: i128) -> i128 {
        let span = u128::try_from(high - low + 1).unwrap_or(1).max(1);
        low + i128::try_from(u128::from(self.next()) % span).unwrap_or(0)
    }
}

/// Prices of all assets, in 10^-8 USDT.
#[derive(Debug, Clone)]
pub struct Walk {
    pub dice: Dice,
    assets: BTreeMap<String, Price>,
}

#[derive(Debug, Clone, Copy)]
struct Price {
    home: i128,
    now: i128,
}

impl Walk {
    pub fn new(seed: u64, prices: Vec<(String, i128)>) -> Self {
        let assets = prices.into_iter().map(|(asset, home)| (asset, Price { home, now: home })).collect();
        Self { dice: Dice::new(seed), assets }
    }

    /// Goes on where the market was left, as far as that is anywhere near home.
    pub fn go_on_from(&mut self, last: &BTreeMap<String, i128>) {
        for (asset, price) in &mut self.assets {
            if let Some(last) = last.get(&format!("{asset}USDT"))
                && (price.home / 2..=price.home * 2).contains(last)
            {
                price.now = *last;
            }
        }
    }

    /// One step of every asset but those that are worth one.
    pub fn step(&mut self) {
        for price in self.assets.values_mut().filter(|price| price.home != ONE) {
            let drawn = price.now * self.dice.between(-STEP_PPM, STEP_PPM) / 1_000_000;
            price.now = (price.now + drawn + (price.home - price.now) / PULL).max(1);
        }
    }

    /// In 10^-8 USDT.
    pub fn price(&self, asset: &str) -> Option<i128> {
        self.assets.get(asset).map(|price| price.now)
    }

    /// Assets with prices.
    pub fn assets(&self) -> impl Iterator<Item = (&str, i128)> {
        self.assets.iter().map(|(asset, price)| (asset.as_str(), price.now))
    }

    /// Of one asset in another, in 10^-8.
    pub fn rate(&self, base: &str, quote: &str) -> Option<i128> {
        Some(self.price(base)? * ONE / self.price(quote)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_walk_and_it_stays_near_home() {
        let walk = |seed: u64| {
            let mut walk = Walk::new(seed, vec![("BTC".into(), 64_000 * ONE), ("USDT".into(), ONE)]);
            let mut seen = Vec::new();
            for _ in 0..50_000 {
                walk.step();
                seen.push(walk.rate("BTC", "USDT").expect("known"));
            }
            assert_eq!(walk.price("USDT"), Some(ONE));
            seen
        };
        let first = walk(1);
        assert_eq!(first, walk(1));
        assert_ne!(first, walk(2));
        assert!(first.iter().all(|price| (60_000 * ONE..68_000 * ONE).contains(price)));
        assert!(first.iter().any(|price| (price - 64_000 * ONE).abs() > 50 * ONE), "it moves");
    }

    #[test]
    fn it_goes_on_where_it_was_unless_that_is_absurd() {
        let mut walk = Walk::new(1, vec![("BTC".into(), 100 * ONE), ("ETH".into(), 100 * ONE)]);
        let last = [("BTCUSDT", 110 * ONE), ("ETHUSDT", 500 * ONE)];
        walk.go_on_from(&last.into_iter().map(|(name, price)| (name.to_owned(), price)).collect());
        assert_eq!((walk.price("BTC"), walk.price("ETH")), (Some(110 * ONE), Some(100 * ONE)));
    }
}
