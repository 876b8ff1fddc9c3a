//! Assets and markets, as far as printing their numbers needs them.

use std::collections::HashMap;

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::decimal::{self, DecimalError};
use allin_core::num::{Amount, PriceTicks, QtyLots};
use allin_core::spot::spec::{AssetSpec, MarketSpec};
use allin_core::text::Symbol;
use allin_runtime::store::{Row, StoreError, Tx};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asset {
    pub id: AssetId,
    pub symbol: Symbol,
    pub scale: u8,
    pub display_scale: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Market {
    pub id: MarketId,
    pub symbol: Symbol,
    pub base: AssetId,
    pub quote: AssetId,
    pub price_scale: u8,
    pub tick_units: u64,
    pub qty_scale: u8,
    pub lot_units: u64,
}

/// What was listed so far.
#[derive(Clone, Default, Debug)]
pub struct Catalog {
    assets: HashMap<AssetId, Asset>,
    markets: HashMap<MarketId, Market>,
    assets_by_symbol: HashMap<Symbol, AssetId>,
    markets_by_symbol: HashMap<Symbol, MarketId>,
}

impl From<&AssetSpec> for Asset {
    fn from(spec: &AssetSpec) -> Asset {
        Asset { id: spec.id, symbol: spec.symbol, scale: spec.scale, display_scale: spec.display_scale }
    }
}

impl From<&MarketSpec> for Market {
    fn from(spec: &MarketSpec) -> Market {
        Market {
            id: spec.id,
            symbol: spec.symbol,
            base: spec.base,
            quote: spec.quote,
            price_scale: spec.price_scale,
            tick_units: spec.tick_units,
            qty_scale: spec.qty_scale,
            lot_units: spec.lot_units,
        }
    }
}

impl Asset {
    pub fn amount(&self, amount: Amount) -> String {
        decimal::format(amount, self.scale)
    }

    pub fn parse(&self, text: &str) -> Result<Amount, DecimalError> {
        decimal::parse_signed(text, self.scale)
    }
}

impl Market {
    /// A price; no price is 0.
    pub fn price(&self, price: PriceTicks) -> String {
        steps(price.0, self.tick_units, self.price_scale)
    }

    pub fn qty(&self, qty: QtyLots) -> String {
        steps(qty.0, self.lot_units, self.qty_scale)
    }

    pub fn parse_price(&self, text: &str) -> Result<PriceTicks, DecimalError> {
        decimal::parse_steps(text, self.price_scale, self.tick_units).map(PriceTicks)
    }

    pub fn parse_qty(&self, text: &str) -> Result<QtyLots, DecimalError> {
        decimal::parse_steps(text, self.qty_scale, self.lot_units).map(QtyLots)
    }

    /// A quantity in smallest units of its asset. The market was listed, so its asset is no coarser than its lots.
    pub fn base_amount(&self, base: &Asset, qty: QtyLots) -> Amount {
        let lot = u128::from(self.lot_units) * decimal::pow10(base.scale - self.qty_scale);
        (u128::from(qty.0) * lot) as Amount
    }
}

/// The product fits: a count is below 2^60, a step below 2^64.
fn steps(count: u64, step: u64, scale: u8) -> String {
    decimal::format((u128::from(count) * u128::from(step)) as Amount, scale)
}

impl Catalog {
    pub async fn load(tx: &mut Tx) -> Result<Catalog, StoreError> {
        let mut catalog = Catalog::default();
        let assets = "SELECT asset_id, symbol, scale, display_scale FROM history_assets ORDER BY asset_id";
        for row in tx.query(assets, &[]).await? {
            catalog.set_asset(asset(&row)?);
        }
        let markets = "SELECT market_id, symbol, base_asset, quote_asset, price_scale, tick_units, qty_scale, \
                       lot_units FROM history_markets ORDER BY market_id";
        for row in tx.query(markets, &[]).await? {
            catalog.set_market(market(&row)?);
        }
        Ok(catalog)
    }

    pub fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(&id)
    }

    pub fn market(&self, id: MarketId) -> Option<&Market> {
        self.markets.get(&id)
    }

    pub fn asset_by_symbol(&self, symbol: &str) -> Option<&Asset> {
        self.assets.get(self.assets_by_symbol.get(&Symbol::new(symbol)?)?)
    }

    pub fn market_by_symbol(&self, symbol: &str) -> Option<&Market> {
        self.markets.get(self.markets_by_symbol.get(&Symbol::new(symbol)?)?)
    }

    /// Lists or changes; true when it is new.
    pub fn set_asset(&mut self, asset: Asset) -> bool {
        self.assets_by_symbol.insert(asset.symbol, asset.id);
        self.assets.insert(asset.id, asset).is_none()
    }

    pub fn set_market(&mut self, market: Market) -> bool {
        self.markets_by_symbol.insert(market.symbol, market.id);
        self.markets.insert(market.id, market).is_none()
    }
}

fn asset(row: &Row) -> Result<Asset, StoreError> {
    Ok(Asset {
        id: AssetId(row.small(0)?),
        symbol: symbol(row, 1)?,
        scale: row.small(2)?,
        display_scale: row.small(3)?,
    })
}

fn market(row: &Row) -> Result<Market, StoreError> {
    Ok(Market {
        id: MarketId(row.small(0)?),
        symbol: symbol(row, 1)?,
        base: AssetId(row.small(2)?),
        quote: AssetId(row.small(3)?),
        price_scale: row.small(4)?,
        tick_units: row.unsigned(5)?,
        qty_scale: row.small(6)?,
        lot_units: row.unsigned(7)?,
    })
}

fn symbol(row: &Row, column: usize) -> Result<Symbol, StoreError> {
    let text = row.text(column)?;
    Symbol::new(&text).ok_or_else(|| StoreError::corrupt(format!("symbol {text:?} is too long")))
}
