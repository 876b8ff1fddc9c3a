//! Owns the listings of a fresh exchange: assets, markets and fees as text in the configuration, made into commands.
//! Never lists anything over an exchange that has assets already: from then on commands change listings.
//! Known limits: filters that the text form lacks are set by `Command::SetMarket`.

mod genesis;
mod text;

pub use genesis::{GenesisError, commands};
pub use text::{AssetListing, ListingError, MarketListing};

use allin_runtime::config::{Invalid, Section};
use serde::{Deserialize, Serialize};

/// `[genesis]`: what a fresh exchange lists at its first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenesisSection {
    pub assets: Vec<AssetListing>,
    pub markets: Vec<MarketListing>,
    /// Fee rates of tier 0, as decimal fractions: "0.001" is 0.1 %.
    pub maker_fee: String,
    pub taker_fee: String,
    /// Asset in which users may pay their fees, and what that takes off, in basis points. Empty for none.
    pub discount_asset: String,
    pub discount_bips: u32,
}

impl Section for GenesisSection {
    const NAME: &'static str = "genesis";

    fn check(&self) -> Result<(), Invalid> {
        commands(self).map(|_| ()).map_err(|error| Invalid::new(error.key, error.reason))
    }
}

impl Default for GenesisSection {
    fn default() -> Self {
        let asset = |symbol: &str, scale, display_scale| AssetListing { symbol: symbol.into(), scale, display_scale };
        let market = |base: &str, quote: &str, tick_size: &str, lot_size: &str, notional_min: &str| MarketListing {
            symbol: format!("{base}{quote}"),
            base: base.into(),
            quote: quote.into(),
            tick_size: tick_size.into(),
            lot_size: lot_size.into(),
            notional_min: notional_min.into(),
            ..MarketListing::default()
        };
        GenesisSection {
            assets: vec![
                asset("USDT", 8, 8),
                asset("BTC", 8, 8),
                asset("ETH", 8, 8),
                asset("BNB", 8, 8),
                asset("SOL", 8, 8),
                asset("XRP", 8, 8),
                asset("USD", 10, 2),
            ],
            markets: vec![
                market("BTC", "USDT", "0.01", "0.00001", "5"),
                market("ETH", "USDT", "0.01", "0.0001", "5"),
                market("BNB", "USDT", "0.01", "0.001", "5"),
                market("SOL", "USDT", "0.01", "0.001", "5"),
                market("XRP", "USDT", "0.0001", "0.1", "5"),
                market("ETH", "BTC", "0.00001", "0.001", "0.0001"),
            ],
            maker_fee: "0.001".into(),
            taker_fee: "0.001".into(),
            discount_asset: "BNB".into(),
            discount_bips: 2_500,
        }
    }
}
