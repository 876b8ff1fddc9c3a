//! Which assets and markets there are, and how their numbers are written. A fold over `AssetSet` and `MarketSet`; what
//! was listed before a consumer's position comes from the engine, which is no contradiction: scales, steps and symbols
//! of what is listed never change.

use std::collections::{BTreeMap, HashMap};

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::decimal::{self, DecimalError};
use allin_core::num::{Amount, PriceTicks, QtyLots};
use allin_core::spot::event::Event;
use allin_core::spot::spec::{AssetSpec, MarketSpec};
use allin_core::text::Symbol;
use allin_runtime::engine::{AnswerBody, Engine, Query, SubmitError};

/// How a market's numbers are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listing {
    pub market: MarketId,
    pub symbol: Symbol,
    pub base: AssetId,
    pub quote: AssetId,
    pub quote_scale: u8,
    price_scale: u8,
    tick_units: u64,
    qty_scale: u8,
    lot_units: u64,
}

#[derive(Clone, Default, Debug)]
pub struct Catalog {
    assets: BTreeMap<AssetId, AssetSpec>,
    listings: BTreeMap<MarketId, Listing>,
    by_symbol: HashMap<Symbol, MarketId>,
}

impl Listing {
    pub fn new(spec: &MarketSpec, quote: &AssetSpec) -> Listing {
        Listing {
            market: spec.id,
            symbol: spec.symbol,
            base: spec.base,
            quote: spec.quote,
            quote_scale: quote.scale,
            price_scale: spec.price_scale,
            tick_units: spec.tick_units,
            qty_scale: spec.qty_scale,
            lot_units: spec.lot_units,
        }
    }

    pub fn price(&self, price: PriceTicks) -> String {
        decimal::format(price.0 as Amount * self.tick_units as Amount, self.price_scale)
    }

    /// Lots, also summed up. Text of sums beyond `i128` stays at its largest.
    pub fn qty(&self, lots: u128) -> String {
        let units = lots.saturating_mul(u128::from(self.lot_units));
        decimal::format(Amount::try_from(units).unwrap_or(Amount::MAX), self.qty_scale)
    }

    pub fn quote(&self, amount: Amount) -> String {
        decimal::format(amount, self.quote_scale)
    }

    /// What a quantity at a price is worth. Text of what is beyond `i128` stays at its largest.
    pub fn worth(&self, price: PriceTicks, qty: QtyLots) -> String {
        let decimals = self.quote_scale.saturating_sub(self.price_scale + self.qty_scale);
        let factors = [price.0, self.tick_units, qty.0, self.lot_units].map(Amount::from);
        let units = factors.into_iter().fold(decimal::pow10(decimals) as Amount, Amount::saturating_mul);
        self.quote(units)
    }

    /// A price in ticks; refused when it is not a whole number of them.
    pub fn parse_price(&self, text: &str) -> Result<PriceTicks, DecimalError> {
        decimal::parse_steps(text, self.price_scale, self.tick_units).map(PriceTicks)
    }

    /// A quantity in lots; refused when it is not a whole number of them.
    pub fn parse_qty(&self, text: &str) -> Result<QtyLots, DecimalError> {
        decimal::parse_steps(text, self.qty_scale, self.lot_units).map(QtyLots)
    }

    /// A quote amount in its smallest units.
    pub fn parse_quote(&self, text: &str) -> Result<Amount, DecimalError> {
        decimal::parse_unsigned(text, self.quote_scale)
            .and_then(|units| Amount::try_from(units).map_err(|_| DecimalError::OutOfRange))
    }

    /// A price as `units × 10^-scale`.
    pub fn price_units(&self, price: PriceTicks) -> (u128, u8) {
        (u128::from(price.0) * u128::from(self.tick_units), self.price_scale)
    }
}

impl Catalog {
    /// Everything that is listed now.
    pub async fn of(engine: &dyn Engine) -> Result<Catalog, SubmitError> {
        let mut catalog = Catalog::default();
        if let AnswerBody::Assets(assets) = engine.query(Query::Assets).await?.body {
            assets.into_iter().for_each(|spec| catalog.set_asset(spec));
        }
        if let AnswerBody::Markets(markets) = engine.query(Query::Markets).await?.body {
            markets.iter().for_each(|market| catalog.set_market(&market.spec));
        }
        Ok(catalog)
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::AssetSet(spec) => self.set_asset(*spec),
            Event::MarketSet(spec) => self.set_market(spec),
            _ => {}
        }
    }

    pub fn asset(&self, id: AssetId) -> Option<&AssetSpec> {
        self.assets.get(&id)
    }

    pub fn asset_by_symbol(&self, symbol: &str) -> Option<&AssetSpec> {
        self.assets.values().find(|asset| asset.symbol.as_str() == symbol)
    }

    pub fn listing(&self, id: MarketId) -> Option<&Listing> {
        self.listings.get(&id)
    }

    pub fn listing_by_symbol(&self, symbol: &str) -> Option<&Listing> {
        let id = self.by_symbol.get(&Symbol::new(symbol)?)?;
        self.listings.get(id)
    }

    /// All markets, in order of listing.
    pub fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.listings.values()
    }

    fn set_asset(&mut self, spec: AssetSpec) {
        self.assets.insert(spec.id, spec);
    }

    fn set_market(&mut self, spec: &MarketSpec) {
        // The engine lists a market only over listed assets.
        let quote = self.assets.get(&spec.quote).expect("a market's quote asset is listed before it");
        let listing = Listing::new(spec, quote);
        self.by_symbol.insert(listing.symbol, listing.market);
        self.listings.insert(listing.market, listing);
    }
}
