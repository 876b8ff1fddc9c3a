//! What an asset and a market are: their scales, steps and filters.

use crate::ids::{AssetId, MarketId, Timestamp};
use crate::num::decimal::{self, SCALE_MAX};
use crate::num::{Amount, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use crate::text::Symbol;

/// An asset. Its amounts are whole numbers of 10^-`scale`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AssetSpec {
    pub id: AssetId,
    pub symbol: Symbol,
    /// Decimals of the smallest unit, at most 18.
    pub scale: u8,
    /// Decimals that a user is shown (ViaBTC `prec_show`), at most `scale`.
    pub display_scale: u8,
}

/// A spot market and its rules (Binance Spot REST, "Filters").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MarketSpec {
    pub id: MarketId,
    pub symbol: Symbol,
    pub base: AssetId,
    pub quote: AssetId,
    /// A price is `ticks × tick_units × 10^-price_scale` quote per base.
    pub price_scale: u8,
    pub tick_units: u64,
    /// A quantity is `lots × lot_units × 10^-qty_scale` base.
    pub qty_scale: u8,
    pub lot_units: u64,
    pub filters: Filters,
}

/// Limits on orders. A zero switches a rule off, unless said otherwise. Where a rule has a Binance name it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filters {
    /// PRICE_FILTER.
    pub price_min: PriceTicks,
    pub price_max: PriceTicks,
    /// LOT_SIZE.
    pub qty_min: QtyLots,
    pub qty_max: QtyLots,
    /// MARKET_LOT_SIZE.
    pub market_qty_min: QtyLots,
    pub market_qty_max: QtyLots,
    /// NOTIONAL, in smallest quote units; `…_market` says whether it binds market orders, valued at the average price.
    pub notional_min: Amount,
    pub notional_min_market: bool,
    pub notional_max: Amount,
    pub notional_max_market: bool,
    /// PERCENT_PRICE_BY_SIDE: multipliers of the average price, in units of 10^-4.
    pub bid_multiplier_up: u32,
    pub bid_multiplier_down: u32,
    pub ask_multiplier_up: u32,
    pub ask_multiplier_down: u32,
    /// Minutes of the volume-weighted average price behind the two rules above; 0 takes the last price. At most 30.
    pub average_minutes: u8,
    /// MAX_NUM_ORDERS, MAX_NUM_ALGO_ORDERS (orders with a stop price or trailing delta), MAX_NUM_ICEBERG_ORDERS,
    /// MAX_NUM_ORDER_LISTS: open ones of one account in this market.
    pub orders_max: u32,
    pub stop_orders_max: u32,
    pub iceberg_orders_max: u32,
    pub order_lists_max: u32,
    /// ICEBERG_PARTS: most parts an iceberg may have, ceil(quantity / display quantity).
    pub iceberg_parts_max: u32,
    /// MAX_NUM_ORDER_AMENDS: most amendments of one order.
    pub amends_max: u32,
    /// MAX_POSITION: most lots of base that an account may hold, open buys counted in.
    pub position_max: QtyLots,
    /// TRAILING_DELTA, in basis points.
    pub trailing_delta_min: u32,
    pub trailing_delta_max: u32,
    /// Price band: a fill further than this many basis points from the reference price halts the market instead.
    pub band_bips: u32,
    /// The reference price is renewed from the last price when it is older than this, in microseconds.
    pub band_window_us: u64,
}

impl Filters {
    /// Every rule off but the range of the numbers.
    pub const OPEN: Filters = Filters {
        price_min: PriceTicks(1),
        price_max: PRICE_MAX,
        qty_min: QtyLots(1),
        qty_max: QTY_MAX,
        market_qty_min: QtyLots(0),
        market_qty_max: QtyLots(0),
        notional_min: 0,
        notional_min_market: false,
        notional_max: 0,
        notional_max_market: false,
        bid_multiplier_up: 0,
        bid_multiplier_down: 0,
        ask_multiplier_up: 0,
        ask_multiplier_down: 0,
        average_minutes: 0,
        orders_max: 0,
        stop_orders_max: 0,
        iceberg_orders_max: 0,
        order_lists_max: 0,
        iceberg_parts_max: 0,
        amends_max: 0,
        position_max: QtyLots(0),
        trailing_delta_min: 0,
        trailing_delta_max: 0,
        band_bips: 0,
        band_window_us: 0,
    };
}

/// Why a listing was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpecError {
    Symbol,
    Scale,
    Step,
    /// The smallest quote unit is coarser than one tick of one lot, so amounts would need rounding.
    NotExact,
    Filters,
}

/// Largest value of one lot in base units and of one lot at one tick in quote units.
pub const UNIT_MAX: u128 = 1 << 63;

/// Most minutes of [`Filters::average_minutes`].
pub const AVERAGE_MINUTES_MAX: u8 = 30;

impl AssetSpec {
    pub fn check(&self) -> Result<(), SpecError> {
        if !is_symbol(&self.symbol) {
            return Err(SpecError::Symbol);
        }
        if self.scale > SCALE_MAX || self.display_scale > self.scale {
            return Err(SpecError::Scale);
        }
        Ok(())
    }
}

impl MarketSpec {
    /// Checks the market against its assets; gives (base units of one lot, quote units of one lot at one tick).
    pub fn units(&self, base: &AssetSpec, quote: &AssetSpec) -> Result<(u64, u64), SpecError> {
        if !is_symbol(&self.symbol) || base.id == quote.id {
            return Err(SpecError::Symbol);
        }
        if self.qty_scale > base.scale || self.price_scale > SCALE_MAX {
            return Err(SpecError::Scale);
        }
        let decimals = self.price_scale + self.qty_scale;
        if decimals > quote.scale {
            return Err(SpecError::NotExact);
        }
        let base_unit = self.lot_units as u128 * decimal::pow10(base.scale - self.qty_scale);
        let quote_unit = (self.tick_units as u128)
            .checked_mul(self.lot_units as u128)
            .and_then(|u| u.checked_mul(decimal::pow10(quote.scale - decimals)))
            .ok_or(SpecError::Step)?;
        if base_unit == 0 || quote_unit == 0 || base_unit > UNIT_MAX || quote_unit > UNIT_MAX {
            return Err(SpecError::Step);
        }
        self.filters.check()?;
        Ok((base_unit as u64, quote_unit as u64))
    }
}

impl Filters {
    fn check(&self) -> Result<(), SpecError> {
        let ordered = self.price_min.0 >= 1
            && self.price_min <= self.price_max
            && self.price_max <= PRICE_MAX
            && self.qty_min.0 >= 1
            && self.qty_min <= self.qty_max
            && self.qty_max <= QTY_MAX
            && (self.market_qty_max.is_zero() || self.market_qty_min <= self.market_qty_max)
            && self.market_qty_max <= QTY_MAX
            && self.position_max <= QTY_MAX
            && self.notional_min >= 0
            && self.notional_max >= 0
            && (self.notional_max == 0 || self.notional_min <= self.notional_max)
            && self.bid_multiplier_down <= self.bid_multiplier_up
            && self.ask_multiplier_down <= self.ask_multiplier_up
            && self.average_minutes <= AVERAGE_MINUTES_MAX
            && self.trailing_delta_min <= self.trailing_delta_max
            && self.trailing_delta_max < 10_000
            && self.band_bips < 10_000
            && self.band_window_us <= Timestamp::DAY;
        if ordered { Ok(()) } else { Err(SpecError::Filters) }
    }
}

fn is_symbol(symbol: &Symbol) -> bool {
    !symbol.is_empty()
        && symbol.as_bytes().iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}
