//! `[demo]`.

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Deserializer, Serialize, de};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DemoSection {
    /// Whether `allin up` funds the house, runs the maker and lets `allin demo-user` work: `on` or `off`.
    #[serde(deserialize_with = "switch")]
    pub enabled: bool,
    /// Prices, sizes and sides follow from it.
    pub seed: u64,
    /// Between two looks at one market, milliseconds.
    pub step_ms: u64,
    /// Price levels a side.
    pub levels: u32,
    /// `ASSET=PRICE` in whole USDT or decimals of it; markets between these assets are made.
    pub prices: Vec<String>,
}

impl Default for DemoSection {
    fn default() -> Self {
        let prices = ["USDT=1", "USD=1", "BTC=64000", "ETH=3200", "BNB=600", "SOL=150", "XRP=0.6"];
        Self { enabled: true, seed: 1, step_ms: 1500, levels: 55, prices: prices.map(str::to_owned).to_vec() }
    }
}

impl DemoSection {
    /// Asset and price in 10^-8 USDT.
    pub fn prices(&self) -> Result<Vec<(String, i128)>, Invalid> {
        let parse = |text: &String| {
            let (asset, price) = text.split_once('=')?;
            let price = allin_core::num::decimal::parse_signed(price, 8).ok()?;
            // Wide enough for everything that lives, narrow enough for products of two.
            (!asset.is_empty() && (1..=1_000_000_000_000_000).contains(&price)).then(|| (asset.to_owned(), price))
        };
        self.prices
            .iter()
            .map(|text| parse(text).ok_or_else(|| Invalid::new("prices", format!("{text:?} is not ASSET=PRICE"))))
            .collect()
    }
}

impl Section for DemoSection {
    const NAME: &'static str = "demo";

    fn check(&self) -> Result<(), Invalid> {
        self.prices()?;
        if !(100..=3_600_000).contains(&self.step_ms) {
            return Err(Invalid::new("step_ms", "is not between 100 and 3600000"));
        }
        if !(1..=90).contains(&self.levels) {
            return Err(Invalid::new("levels", "is not between 1 and 90"));
        }
        Ok(())
    }
}

/// `on` and `off` as flags say it, or a boolean.
fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Flag(bool),
        Word(String),
    }
    match Said::deserialize(deserializer)? {
        Said::Flag(flag) => Ok(flag),
        Said::Word(word) if word == "on" => Ok(true),
        Said::Word(word) if word == "off" => Ok(false),
        Said::Word(word) => Err(de::Error::custom(format!("{word:?} is neither on nor off"))),
    }
}
