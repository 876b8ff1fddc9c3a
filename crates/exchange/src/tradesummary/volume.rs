//! Volume in one asset, whatever was traded; and the tier that it gives.

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::{AMOUNT_MAX, Amount, PriceTicks, decimal, mul_div_floor};
use allin_core::spot::spec::AssetSpec;

use super::config::TradeSummarySection;
use crate::catalog::{Catalog, Listing};

/// Days that count, before the one that they count for.
pub(super) const DAYS: u32 = 30;

/// How volume is counted.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    asset: String,
    pegged: Vec<String>,
    /// Whole units of the asset.
    tiers: Vec<u128>,
}

impl Measure {
    pub fn new(config: &TradeSummarySection) -> Measure {
        let whole = |text: &String| decimal::parse_unsigned(text, 0).expect("the section was checked");
        Measure {
            asset: config.volume_asset.clone(),
            pegged: config.pegged_assets.clone(),
            tiers: config.tier_volumes.iter().map(whole).collect(),
        }
    }

    pub fn asset<'a>(&self, catalog: &'a Catalog) -> Option<&'a AssetSpec> {
        catalog.asset_by_symbol(&self.asset)
    }

    /// Number of tiers that follow from volume.
    pub fn tiers(&self) -> u16 {
        self.tiers.len() as u16
    }

    /// The highest tier that a volume reaches; `scale` is the asset's.
    pub fn tier(&self, volume: Amount, scale: u8) -> u16 {
        let whole = u128::try_from(volume).unwrap_or(0) / decimal::pow10(scale);
        self.tiers.partition_point(|from| *from <= whole).saturating_sub(1) as u16
    }

    /// Whether the market's last price may convert others' volumes.
    pub fn converts(&self, catalog: &Catalog, listing: &Listing) -> bool {
        let asset = self.asset(catalog).map(|asset| asset.id);
        Some(listing.base) == asset || Some(listing.quote) == asset
    }

    /// A quote amount in the asset of the tiers, rounded down; 0 where there is no price yet.
    pub fn volume(
        &self,
        catalog: &Catalog,
        listing: &Listing,
        quote: Amount,
        price: impl Fn(MarketId) -> Option<PriceTicks>,
    ) -> Amount {
        let Some(asset) = self.asset(catalog) else { return 0 };
        if listing.quote == asset.id {
            return quote;
        }
        let is_pegged = |id: AssetId| {
            let symbol = catalog.asset(id).map(|quote| quote.symbol);
            symbol.is_some_and(|symbol| self.pegged.iter().any(|pegged| pegged == symbol.as_str()))
        };
        let (from, to) = (i32::from(listing.quote_scale), i32::from(asset.scale));
        if is_pegged(listing.quote) {
            return scaled(quote, 1, 1, to - from);
        }
        let priced = |other: &&Listing| price(other.market).is_some();
        let direct = |other: &&Listing| other.base == listing.quote && other.quote == asset.id;
        if let Some(other) = catalog.listings().filter(direct).find(priced) {
            let (units, scale) = other.price_units(price(other.market).expect("just looked"));
            return scaled(quote, units, 1, to - from - i32::from(scale));
        }
        let inverse = |other: &&Listing| other.base == asset.id && other.quote == listing.quote;
        if let Some(other) = catalog.listings().filter(inverse).find(priced) {
            let (units, scale) = other.price_units(price(other.market).expect("just looked"));
            return scaled(quote, 1, units, to - from + i32::from(scale));
        }
        0
    }
}

/// `amount × by / over × 10^exponent`, rounded down, at most [`AMOUNT_MAX`].
fn scaled(amount: Amount, by: u128, over: u128, exponent: i32) -> Amount {
    let power = decimal::pow10(exponent.unsigned_abs().min(38) as u8);
    let (by, over) = match exponent >= 0 {
        true => (by.checked_mul(power), Some(over)),
        false => (Some(by), over.checked_mul(power)),
    };
    let (Some(by), Some(over)) = (by, over) else { return if exponent >= 0 { AMOUNT_MAX } else { 0 } };
    mul_div_floor(amount, by, over).map_or(AMOUNT_MAX, |(value, _)| value.min(AMOUNT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_floors_and_stays_in_bounds() {
        let rows = [
            (150, 1, 1, -1, 15),
            (159, 1, 1, -1, 15),
            (15, 1, 1, 2, 1500),
            (1_000, 7, 1, -2, 70),
            (1_000, 1, 3, 0, 333),
            (AMOUNT_MAX, u128::MAX, 1, 0, AMOUNT_MAX),
            (AMOUNT_MAX, 1, u128::MAX, -5, 0),
        ];
        for (amount, by, over, exponent, want) in rows {
            assert_eq!(scaled(amount, by, over, exponent), want, "{amount} {by} {over} {exponent}");
        }
    }

    #[test]
    fn a_tier_begins_at_its_volume() {
        let measure = Measure::new(&TradeSummarySection::default());
        let million = 1_000_000 * 100;
        let rows = [(0, 0), (million - 1, 0), (million, 1), (5 * million, 2), (i128::MAX, 9), (-5, 0)];
        for (volume, tier) in rows {
            assert_eq!(measure.tier(volume, 2), tier, "{volume}");
        }
    }
}
