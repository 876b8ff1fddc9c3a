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
    /// A fresh demonstration begins with so many hours of trades behind it; 0: with none.
    pub history_hours: u32,
    /// Between two looks at one market, milliseconds.
    pub step_ms: u64,
    /// Price levels a side.
    pub levels: u32,
    /// `ASSET=PRICE` in whole USDT or decimals of it; markets between these assets are made.
    pub prices: Vec<String>,
}

impl Default for DemoSection {
    fn default() -> Self {
        let prices = ["USDT=1", "BTC=64000", "ETH=3200", "BNB=600", "SOL=150", "XRP=0.6"];
        Self {
            enabled: true,
            seed: 1,
            history_hours: 24,
            step_ms: 2000,
            levels: 55,
            prices: prices.map(str::to_owned).to_vec(),
        }
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
        if self.history_hours > 24 * 30 {
            return Err(Invalid::new("history_hours", "is more than 720"));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/demo.md");

    #[test]
    fn the_page_lists_every_setting_and_default() {
        let defaults = serde_json::to_value(DemoSection::default()).expect("sections are plain data");
        let table = defaults.as_object().expect("a section is a table");
        for (key, value) in table {
            let default = value.to_string().replace("\",\"", "\", \"");
            let row = format!("| `{}.{key}` | `{default}` |", DemoSection::NAME);
            assert!(PAGE.contains(&row), "docs/demo.md lacks {row}");
        }
        assert_eq!(PAGE.lines().filter(|line| line.starts_with("| `demo.")).count(), table.len());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        type Spoil = fn(&mut DemoSection);
        let rows: [(&str, Spoil); 6] = [
            ("prices", |demo| demo.prices = vec!["BTC".into()]),
            ("prices", |demo| demo.prices = vec!["BTC=-1".into()]),
            ("prices", |demo| demo.prices = vec!["=1".into()]),
            ("step_ms", |demo| demo.step_ms = 1),
            ("levels", |demo| demo.levels = 0),
            ("levels", |demo| demo.levels = 200),
        ];
        assert_eq!(DemoSection::default().check(), Ok(()));
        for (key, spoil) in rows {
            let mut demo = DemoSection::default();
            spoil(&mut demo);
            assert_eq!(demo.check().map_err(|invalid| invalid.key), Err(key));
        }
    }

    #[test]
    fn on_and_off_are_words_or_truths() {
        for (said, want) in
            [("\"on\"", Some(true)), ("\"off\"", Some(false)), ("true", Some(true)), ("\"yes\"", None), ("1", None)]
        {
            let read: Option<DemoSection> = serde_json::from_str(&format!("{{\"enabled\":{said}}}")).ok();
            assert_eq!(read.map(|demo| demo.enabled), want, "{said}");
        }
    }
}
