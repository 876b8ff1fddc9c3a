//! Specifications of assets and markets, and operators' settings.

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};

use super::basics::{Invalid, amount, int128, narrow, present, text};
use super::pb;

impl From<&AssetSpec> for pb::AssetSpec {
    fn from(spec: &AssetSpec) -> pb::AssetSpec {
        pb::AssetSpec {
            id: spec.id.0,
            symbol: spec.symbol.to_string(),
            scale: spec.scale.into(),
            display_scale: spec.display_scale.into(),
        }
    }
}

impl TryFrom<pb::AssetSpec> for AssetSpec {
    type Error = Invalid;

    fn try_from(spec: pb::AssetSpec) -> Result<AssetSpec, Invalid> {
        Ok(AssetSpec {
            id: AssetId(spec.id),
            symbol: text(&spec.symbol, "asset.symbol")?,
            scale: narrow(spec.scale, "asset.scale")?,
            display_scale: narrow(spec.display_scale, "asset.display_scale")?,
        })
    }
}

impl From<&MarketSpec> for pb::MarketSpec {
    fn from(spec: &MarketSpec) -> pb::MarketSpec {
        pb::MarketSpec {
            id: spec.id.0,
            symbol: spec.symbol.to_string(),
            base: spec.base.0,
            quote: spec.quote.0,
            price_scale: spec.price_scale.into(),
            tick_units: spec.tick_units,
            qty_scale: spec.qty_scale.into(),
            lot_units: spec.lot_units,
            filters: Some((&spec.filters).into()),
        }
    }
}

impl TryFrom<pb::MarketSpec> for MarketSpec {
    type Error = Invalid;

    fn try_from(spec: pb::MarketSpec) -> Result<MarketSpec, Invalid> {
        Ok(MarketSpec {
            id: MarketId(spec.id),
            symbol: text(&spec.symbol, "market.symbol")?,
            base: AssetId(spec.base),
            quote: AssetId(spec.quote),
            price_scale: narrow(spec.price_scale, "market.price_scale")?,
            tick_units: spec.tick_units,
            qty_scale: narrow(spec.qty_scale, "market.qty_scale")?,
            lot_units: spec.lot_units,
            filters: present(spec.filters, "market.filters")?.try_into()?,
        })
    }
}

impl From<&Filters> for pb::Filters {
    fn from(filters: &Filters) -> pb::Filters {
        pb::Filters {
            price_min: filters.price_min.0,
            price_max: filters.price_max.0,
            qty_min: filters.qty_min.0,
            qty_max: filters.qty_max.0,
            market_qty_min: filters.market_qty_min.0,
            market_qty_max: filters.market_qty_max.0,
            notional_min: int128(filters.notional_min),
            notional_min_market: filters.notional_min_market,
            notional_max: int128(filters.notional_max),
            notional_max_market: filters.notional_max_market,
            bid_multiplier_up: filters.bid_multiplier_up,
            bid_multiplier_down: filters.bid_multiplier_down,
            ask_multiplier_up: filters.ask_multiplier_up,
            ask_multiplier_down: filters.ask_multiplier_down,
            average_minutes: filters.average_minutes.into(),
            orders_max: filters.orders_max,
            stop_orders_max: filters.stop_orders_max,
            iceberg_orders_max: filters.iceberg_orders_max,
            order_lists_max: filters.order_lists_max,
            iceberg_parts_max: filters.iceberg_parts_max,
            amends_max: filters.amends_max,
            position_max: filters.position_max.0,
            trailing_delta_min: filters.trailing_delta_min,
            trailing_delta_max: filters.trailing_delta_max,
            band_bips: filters.band_bips,
            band_window_us: filters.band_window_us,
        }
    }
}

impl TryFrom<pb::Filters> for Filters {
    type Error = Invalid;

    fn try_from(filters: pb::Filters) -> Result<Filters, Invalid> {
        Ok(Filters {
            price_min: PriceTicks(filters.price_min),
            price_max: PriceTicks(filters.price_max),
            qty_min: QtyLots(filters.qty_min),
            qty_max: QtyLots(filters.qty_max),
            market_qty_min: QtyLots(filters.market_qty_min),
            market_qty_max: QtyLots(filters.market_qty_max),
            notional_min: amount(filters.notional_min),
            notional_min_market: filters.notional_min_market,
            notional_max: amount(filters.notional_max),
            notional_max_market: filters.notional_max_market,
            bid_multiplier_up: filters.bid_multiplier_up,
            bid_multiplier_down: filters.bid_multiplier_down,
            ask_multiplier_up: filters.ask_multiplier_up,
            ask_multiplier_down: filters.ask_multiplier_down,
            average_minutes: narrow(filters.average_minutes, "filters.average_minutes")?,
            orders_max: filters.orders_max,
            stop_orders_max: filters.stop_orders_max,
            iceberg_orders_max: filters.iceberg_orders_max,
            order_lists_max: filters.order_lists_max,
            iceberg_parts_max: filters.iceberg_parts_max,
            amends_max: filters.amends_max,
            position_max: QtyLots(filters.position_max),
            trailing_delta_min: filters.trailing_delta_min,
            trailing_delta_max: filters.trailing_delta_max,
            band_bips: filters.band_bips,
            band_window_us: filters.band_window_us,
        })
    }
}
