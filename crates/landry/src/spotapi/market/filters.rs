//! The filters of a market as `exchangeInfo` tells them (Binance Spot REST, "Filters"). Rules that are switched off are
//! left out.

use allin_core::num::{AMOUNT_MAX, QtyLots, decimal};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::super::markets::Market;
use crate::decimals;

/// Decimals of the engine's multipliers.
const MULTIPLIER_SCALE: u8 = 4;

/// One filter: `filterType` and its numbers, in the documented order.
pub struct Filter {
    name: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = Value::from(self.name);
        let fields = self.fields.iter().map(|(key, value)| (*key, value));
        serializer.collect_map([("filterType", &name)].into_iter().chain(fields))
    }
}

/// `filter!("NAME", "key": value, …)`
macro_rules! filter {
    ($name:expr, $($key:tt: $value:expr),* $(,)?) => {
        Filter { name: $name, fields: vec![$(($key, Value::from($value))),*] }
    };
}

pub fn of(market: &Market) -> Vec<Filter> {
    let filters = &market.spec.filters;
    let mut all = vec![price(market), lot_size(market)];
    let counts = [
        ("ICEBERG_PARTS", "limit", filters.iceberg_parts_max),
        ("MAX_NUM_ORDERS", "maxNumOrders", filters.orders_max),
        ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", filters.order_lists_max),
        ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", filters.stop_orders_max),
        ("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", filters.iceberg_orders_max),
        ("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends", filters.amends_max),
    ];
    all.extend(market_lot_size(market));
    all.extend(trailing_delta(market));
    all.extend(percent_price(market));
    all.extend(notional(market));
    for (name, key, max) in counts.into_iter().filter(|(_, _, max)| *max > 0) {
        all.push(Filter { name, fields: vec![(key, max.into())] });
    }
    if !filters.position_max.is_zero() {
        all.push(filter!("MAX_POSITION", "maxPosition": qty(market, filters.position_max)));
    }
    all
}

fn qty(market: &Market, lots: QtyLots) -> String {
    market.listing.qty(lots.0.into())
}

fn price(market: &Market) -> Filter {
    let filters = &market.spec.filters;
    filter!("PRICE_FILTER",
        "minPrice": market.listing.price(filters.price_min),
        "maxPrice": market.listing.price(filters.price_max),
        "tickSize": decimals::amount(market.spec.tick_units.into(), market.spec.price_scale),
    )
}

fn lot_size(market: &Market) -> Filter {
    let filters = &market.spec.filters;
    filter!("LOT_SIZE",
        "minQty": qty(market, filters.qty_min),
        "maxQty": qty(market, filters.qty_max),
        "stepSize": qty(market, QtyLots(1)),
    )
}

fn market_lot_size(market: &Market) -> Option<Filter> {
    let filters = &market.spec.filters;
    let (min, max) = (filters.market_qty_min, filters.market_qty_max);
    (!min.is_zero() || !max.is_zero()).then(|| {
        filter!("MARKET_LOT_SIZE",
            "minQty": qty(market, min),
            "maxQty": qty(market, if max.is_zero() { filters.qty_max } else { max }),
            "stepSize": qty(market, QtyLots(1)),
        )
    })
}

fn trailing_delta(market: &Market) -> Option<Filter> {
    let (min, max) = (market.spec.filters.trailing_delta_min, market.spec.filters.trailing_delta_max);
    (max > 0).then(|| {
        filter!("TRAILING_DELTA",
            "minTrailingAboveDelta": min,
            "maxTrailingAboveDelta": max,
            "minTrailingBelowDelta": min,
            "maxTrailingBelowDelta": max,
        )
    })
}

/// A side whose rule is off has the widest range.
fn percent_price(market: &Market) -> Option<Filter> {
    let filters = &market.spec.filters;
    let text = |multiplier: u32| {
        let text = decimal::format(multiplier.into(), MULTIPLIER_SCALE);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let range = |up: u32, down: u32| if up == 0 { (text(u32::MAX), text(0)) } else { (text(up), text(down)) };
    (filters.bid_multiplier_up > 0 || filters.ask_multiplier_up > 0).then(|| {
        let (bid_up, bid_down) = range(filters.bid_multiplier_up, filters.bid_multiplier_down);
        let (ask_up, ask_down) = range(filters.ask_multiplier_up, filters.ask_multiplier_down);
        filter!("PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": bid_up,
            "bidMultiplierDown": bid_down,
            "askMultiplierUp": ask_up,
            "askMultiplierDown": ask_down,
            "avgPriceMins": filters.average_minutes,
        )
    })
}

fn notional(market: &Market) -> Option<Filter> {
    let filters = &market.spec.filters;
    let (min, max) = (filters.notional_min, filters.notional_max);
    (min > 0 || max > 0).then(|| {
        filter!("NOTIONAL",
            "minNotional": market.listing.quote(min),
            "applyMinToMarket": filters.notional_min_market,
            "maxNotional": market.listing.quote(if max == 0 { AMOUNT_MAX } else { max }),
            "applyMaxToMarket": filters.notional_max_market && max > 0,
            "avgPriceMins": filters.average_minutes,
        )
    })
}
