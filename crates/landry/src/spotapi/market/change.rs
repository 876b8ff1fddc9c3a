//! What tickers derive from prices and volumes, exactly: change, percentage, weighted average.

use allin_core::num::{Amount, decimal, mul_div_floor};

use super::super::markets::Market;
use crate::decimals;

/// Decimals of a percentage.
const PERCENT_SCALE: u8 = 3;

/// Texts of a market's numbers.
pub struct Window<'a> {
    pub open: &'a str,
    pub last: &'a str,
    pub volume: &'a str,
    pub quote_volume: &'a str,
}

/// `priceChange`, `priceChangePercent`, `weightedAvgPrice`.
pub struct Change {
    pub price: String,
    pub percent: String,
    pub weighted_average: String,
}

impl Change {
    pub fn of(market: &Market, window: &Window) -> Change {
        let price = |text: &str| decimal::parse_signed(text, market.spec.price_scale).unwrap_or_default();
        let (open, last) = (price(window.open), price(window.last));
        Change {
            price: decimals::amount(last - open, market.spec.price_scale),
            percent: decimal::format(percent(last - open, open), PERCENT_SCALE),
            weighted_average: weighted_average(market, window.volume, window.quote_volume).unwrap_or_else(zero(market)),
        }
    }
}

/// Quote volume by volume, in the quote asset's decimals, rounded down. None when nothing traded.
pub fn weighted_average(market: &Market, volume: &str, quote_volume: &str) -> Option<String> {
    let volume = decimal::parse_unsigned(volume, market.spec.qty_scale).ok().filter(|volume| *volume > 0)?;
    let quote = decimal::parse_signed(quote_volume, market.quote.scale).ok()?;
    let (average, _) = mul_div_floor(quote, decimal::pow10(market.spec.qty_scale), volume)?;
    Some(decimals::amount(average, market.quote.scale))
}

fn zero(market: &Market) -> impl Fn() -> String {
    let scale = market.quote.scale;
    move || decimals::amount(0, scale)
}

/// A change in thousandths of a percent, rounded to the nearest.
fn percent(change: Amount, open: Amount) -> Amount {
    if open <= 0 {
        return 0;
    }
    let doubled = change.abs().saturating_mul(200_000).saturating_add(open) / open.saturating_mul(2);
    change.signum() * doubled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_to_the_nearest() {
        // Binance Spot REST, the examples of `ticker/24hr` and `ticker`.
        let rows = [
            (-9_499_999_800, 9_900_000_000, -95_960),
            (-800_000_000, 900_000_000, -88_889),
            (0, 100, 0),
            (1, 0, 0),
            (1, 100, 1000),
            (5, 10_000_000, 0),
            (50, 10_000_000, 1),
            (-50, 10_000_000, -1),
        ];
        for (change, open, wanted) in rows {
            assert_eq!(percent(change, open), wanted, "{change} / {open}");
        }
    }
}
