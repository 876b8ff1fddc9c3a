//! Markets as `exchangeInfo` tells them. All prices and quantities are whole numbers of 10^-8.

use std::collections::BTreeMap;

use allin_core::num::decimal;
use serde_json::Value;

use super::walk::{ONE, Walk};
use crate::demo::api::Api;
use crate::node::Failure;

/// Distance of two price levels, in millionths of the price.
const GAP_PPM: i128 = 100;

/// A market, and the grid that its quotes lie on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    pub symbol: String,
    pub base: String,
    pub quote: String,
    pub lot: i128,
    pub notional_min: i128,
    /// Distance of two levels; a whole number of ticks.
    pub gap: i128,
}

/// The markets between assets with prices, BTCUSDT first.
pub async fn all(api: &Api, walk: &Walk) -> Result<Vec<Market>, Failure> {
    let info = api.public("/api/v3/exchangeInfo").await?.good("exchangeInfo")?;
    let rows = info["symbols"].as_array().ok_or("exchangeInfo has no symbols")?;
    let mut markets: Vec<Market> =
        rows.iter().filter(|row| row["status"] == "TRADING").filter_map(|row| read(row, walk)).collect();
    markets.sort_by_key(|market| market.symbol != "BTCUSDT");
    match markets.is_empty() {
        true => Err("no market has prices (demo.prices)".into()),
        false => Ok(markets),
    }
}

fn read(row: &Value, walk: &Walk) -> Option<Market> {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    let filter = |kind: &str, name: &str| {
        let filters = row["filters"].as_array()?;
        units(filters.iter().find(|filter| filter["filterType"] == kind)?[name].as_str()?)
    };
    let (base, quote) = (text("baseAsset")?, text("quoteAsset")?);
    let rate = walk.rate(&base, &quote)?;
    let tick = filter("PRICE_FILTER", "tickSize").filter(|tick| *tick > 0)?;
    let lot = filter("LOT_SIZE", "stepSize").filter(|lot| *lot > 0)?;
    let notional_min = filter("NOTIONAL", "minNotional").unwrap_or(0);
    let gap = (rate * GAP_PPM / 1_000_000 / tick).max(1) * tick;
    Some(Market { symbol: text("symbol")?, base, quote, lot, notional_min, gap })
}

/// Last prices by symbol; markets without a trade are left out.
pub async fn last_prices(api: &Api) -> Result<BTreeMap<String, i128>, Failure> {
    let all = api.public("/api/v3/ticker/price").await?.good("ticker/price")?;
    let rows = all.as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |row: &Value| Some((row["symbol"].as_str()?.to_owned(), units(row["price"].as_str()?)?));
    Ok(rows.iter().filter_map(read).filter(|(_, price)| *price > 0).collect())
}

/// Decimal text as whole numbers of 10^-8.
pub fn units(text: &str) -> Option<i128> {
    decimal::parse_signed(text, 8).ok()
}

/// The shortest decimal text: what is finer than a step is refused, zeros included.
pub fn print(units: i128) -> String {
    let text = decimal::format(units, 8);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Market {
    /// A quantity that is worth about so much, in 10^-8 USDT, at a price of the market.
    pub fn quantity(&self, value: i128, walk: &Walk) -> i128 {
        let price = walk.price(&self.base).unwrap_or(ONE).max(1);
        (value * ONE / price / self.lot).max(1) * self.lot
    }

    /// Whether an order is not too small for the market.
    pub fn is_enough(&self, quantity: i128, price: i128) -> bool {
        quantity * price / ONE > self.notional_min
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_market_is_read_from_exchange_info() {
        let walk = Walk::new(1, vec![("BTC".into(), 64_000 * ONE), ("USDT".into(), ONE), ("ETH".into(), 3200 * ONE)]);
        let row = |base: &str, quote: &str, tick: &str| {
            json!({ "symbol": format!("{base}{quote}"), "status": "TRADING", "baseAsset": base, "quoteAsset": quote, "filters": [
                { "filterType": "PRICE_FILTER", "minPrice": tick, "tickSize": tick },
                { "filterType": "LOT_SIZE", "stepSize": "0.00001000" },
                { "filterType": "NOTIONAL", "minNotional": "5.00000000" } ] })
        };
        let market = read(&row("BTC", "USDT", "0.01000000"), &walk).expect("a market");
        assert_eq!((market.gap, market.lot, market.notional_min), (640_000_000, 1000, 5 * ONE));
        assert_eq!(print(market.quantity(640 * ONE, &walk)), "0.01");
        // Where a hundred millionths are less than a tick, a tick is the distance.
        assert_eq!(read(&row("ETH", "BTC", "0.00001000"), &walk).map(|market| market.gap), Some(1000));
        assert_eq!(read(&row("DOGE", "USDT", "0.01"), &walk), None);
        assert_eq!(read(&row("BTC", "USDT", "0"), &walk), None);
    }

    #[test]
    fn numbers_are_printed_short() {
        for (units, want) in [(ONE, "1"), (10 * ONE, "10"), (1, "0.00000001"), (150_000_000, "1.5"), (0, "0")] {
            assert_eq!(print(units), want);
        }
    }
}
