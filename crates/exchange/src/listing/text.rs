//! An asset and a market as an operator writes them: decimal text.

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::decimal::{self, DecimalError};
use allin_core::num::{PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::Symbol;
use serde::{Deserialize, Serialize};

/// An asset's listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetListing {
    pub symbol: String,
    /// Decimals of the smallest unit, at most 18.
    pub scale: u8,
    /// Decimals that users are shown.
    pub display_scale: u8,
}

/// A market's listing. Empty text switches a rule off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketListing {
    pub symbol: String,
    pub base: String,
    pub quote: String,
    /// Smallest price step, quote per base: "0.01".
    pub tick_size: String,
    /// Smallest quantity step, base: "0.00001".
    pub lot_size: String,
    pub price_max: String,
    pub qty_max: String,
    /// Smallest value of an order, quote.
    pub notional_min: String,
    /// How far from the average price an order may be, as multipliers in 10^-4, both sides; 0 switches the rule off.
    pub multiplier_up: u32,
    pub multiplier_down: u32,
    pub average_minutes: u8,
    pub orders_max: u32,
    pub stop_orders_max: u32,
    pub iceberg_parts_max: u32,
    pub order_lists_max: u32,
    pub amends_max: u32,
    /// A trade further from the reference price than this many basis points halts the market; 0 switches the band off.
    pub band_bips: u32,
    pub band_window_s: u32,
}

impl Default for MarketListing {
    fn default() -> Self {
        MarketListing {
            symbol: String::new(),
            base: String::new(),
            quote: String::new(),
            tick_size: String::new(),
            lot_size: String::new(),
            price_max: String::new(),
            qty_max: String::new(),
            notional_min: String::new(),
            multiplier_up: 50_000,
            multiplier_down: 2_000,
            average_minutes: 5,
            orders_max: 200,
            stop_orders_max: 5,
            iceberg_parts_max: 10,
            order_lists_max: 20,
            amends_max: 10,
            band_bips: 0,
            band_window_s: 0,
        }
    }
}

/// Why a listing is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    #[error("{field} is not decimal text that fits: {text:?}")]
    Decimal { field: &'static str, text: String },
    #[error("{field} must be above zero")]
    Zero { field: &'static str },
    #[error("the symbol {0:?} is empty, too long, or has other characters than A-Z, 0-9, - and _")]
    Symbol(String),
    #[error("the market does not fit its assets: {0}")]
    Spec(&'static str),
}

impl AssetListing {
    pub fn spec(&self, id: AssetId) -> Result<AssetSpec, ListingError> {
        let symbol = symbol(&self.symbol)?;
        let spec = AssetSpec { id, symbol, scale: self.scale, display_scale: self.display_scale };
        spec.check().map_err(|_| ListingError::Symbol(self.symbol.clone()))?;
        Ok(spec)
    }
}

impl MarketListing {
    /// The market with this id, between these assets.
    pub fn spec(&self, id: MarketId, base: &AssetSpec, quote: &AssetSpec) -> Result<MarketSpec, ListingError> {
        let (tick_units, price_scale) = step("tick_size", &self.tick_size)?;
        let (lot_units, qty_scale) = step("lot_size", &self.lot_size)?;
        let price_max = steps("price_max", &self.price_max, price_scale, tick_units, PRICE_MAX.0)?;
        let qty_max = steps("qty_max", &self.qty_max, qty_scale, lot_units, QTY_MAX.0)?;
        let notional_min = match self.notional_min.as_str() {
            "" => 0,
            text => decimal::parse_signed(text, quote.scale).map_err(|_| bad("notional_min", text))?,
        };
        let filters = Filters {
            price_max: PriceTicks(price_max),
            qty_max: QtyLots(qty_max),
            notional_min,
            notional_min_market: notional_min > 0,
            bid_multiplier_up: self.multiplier_up,
            bid_multiplier_down: self.multiplier_down,
            ask_multiplier_up: self.multiplier_up,
            ask_multiplier_down: self.multiplier_down,
            average_minutes: self.average_minutes,
            orders_max: self.orders_max,
            stop_orders_max: self.stop_orders_max,
            iceberg_parts_max: self.iceberg_parts_max,
            order_lists_max: self.order_lists_max,
            amends_max: self.amends_max,
            trailing_delta_min: 10,
            trailing_delta_max: 2_000,
            band_bips: self.band_bips,
            band_window_us: self.band_window_s as u64 * 1_000_000,
            ..Filters::OPEN
        };
        let spec = MarketSpec {
            id,
            symbol: symbol(&self.symbol)?,
            base: base.id,
            quote: quote.id,
            price_scale,
            tick_units,
            qty_scale,
            lot_units,
            filters,
        };
        spec.units(base, quote).map_err(|error| ListingError::Spec(reason(error)))?;
        Ok(spec)
    }
}

fn reason(error: allin_core::spot::spec::SpecError) -> &'static str {
    use allin_core::spot::spec::SpecError;
    match error {
        SpecError::Symbol => "base and quote are the same, or the symbol is malformed",
        SpecError::Scale => "the lot size has more decimals than the base asset",
        SpecError::Step => "the tick or lot size is out of range",
        SpecError::NotExact => "one tick of one lot is less than the quote asset's smallest unit",
        SpecError::Filters => "the filters contradict each other",
    }
}

fn symbol(text: &str) -> Result<Symbol, ListingError> {
    Symbol::new(text).filter(|s| !s.is_empty()).ok_or_else(|| ListingError::Symbol(text.into()))
}

fn bad(field: &'static str, text: &str) -> ListingError {
    ListingError::Decimal { field, text: text.into() }
}

/// A step as (units, decimals): "0.05" is 5 units of two decimals.
fn step(field: &'static str, text: &str) -> Result<(u64, u8), ListingError> {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len());
    let scale = u8::try_from(decimals).map_err(|_| bad(field, text))?;
    let units = decimal::parse_unsigned(text, scale).map_err(|_: DecimalError| bad(field, text))?;
    match u64::try_from(units) {
        Ok(0) => Err(ListingError::Zero { field }),
        Ok(units) => Ok((units, scale)),
        Err(_) => Err(bad(field, text)),
    }
}

fn steps(field: &'static str, text: &str, scale: u8, step: u64, none: u64) -> Result<u64, ListingError> {
    match text {
        "" => Ok(none),
        text => decimal::parse_steps(text, scale, step).map_err(|_| bad(field, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_are_written() {
        let rows = [
            ("0.01", Ok((1, 2))),
            ("0.05", Ok((5, 2))),
            ("0.50", Ok((5, 1))),
            ("10", Ok((10, 0))),
            ("0", Err(ListingError::Zero { field: "tick_size" })),
            ("0.0", Err(ListingError::Zero { field: "tick_size" })),
            ("1e-2", Err(bad("tick_size", "1e-2"))),
            ("", Err(bad("tick_size", ""))),
            ("-1", Err(bad("tick_size", "-1"))),
        ];
        for (text, want) in rows {
            assert_eq!(step("tick_size", text), want, "{text}");
        }
    }

    #[test]
    fn a_market_finer_than_its_quote_asset_is_refused() {
        let asset =
            |id, scale| AssetListing { symbol: format!("A{id}"), scale, display_scale: scale }.spec(AssetId(id));
        let (base, quote) = (asset(0, 8).expect("fits"), asset(1, 2).expect("fits"));
        let listing = MarketListing {
            symbol: "A0A1".into(),
            tick_size: "0.01".into(),
            lot_size: "0.001".into(),
            ..MarketListing::default()
        };
        let refused = listing.spec(MarketId(0), &base, &quote);
        assert_eq!(refused, Err(ListingError::Spec(reason(allin_core::spot::spec::SpecError::NotExact))));
    }
}
