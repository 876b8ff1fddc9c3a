//! Numbers as Binance's API writes them: with eight decimals whatever the tick or lot, and with more only where an asset or
//! a market is finer. Clients compare texts: some take a level out of their book only for "0.00000000".
//!
//! Percentages, multipliers and rates have decimals of their own, and so do the documented constants "0".

use allin_core::num::{Amount, PriceTicks, QtyLots, decimal};
use allin_exchange::catalog::Listing;
use allin_wire::exchange::v1 as pb;

/// Decimals of a price, a quantity or an amount at least (Binance Spot REST, the examples of all endpoints).
const DECIMALS_MIN: usize = 8;

/// An amount of an asset, or any number of units of 10^-`scale`.
pub fn amount(units: Amount, scale: u8) -> String {
    padded(decimal::format(units, scale))
}

/// The same number with enough decimals. What is no decimal number, and no number at all, stays as it is.
pub fn padded(mut text: String) -> String {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return text;
    }
    let decimals = match text.find('.') {
        Some(point) => text.len() - point - 1,
        None => {
            text.push('.');
            0
        }
    };
    text.extend(std::iter::repeat_n('0', DECIMALS_MIN.saturating_sub(decimals)));
    text
}

/// The difference of two numbers that are not negative, with enough decimals; none where that would be negative, or either is no number.
pub fn difference(from: &str, off: &str) -> Option<String> {
    let decimals = |text: &str| text.find('.').map_or(0, |point| text.len() - point - 1);
    let scale = u8::try_from(decimals(from).max(decimals(off))).ok()?;
    let units = |text: &str| decimal::parse_unsigned(text, scale).ok();
    let rest = units(from)?.checked_sub(units(off)?)?;
    Some(amount(Amount::try_from(rest).ok()?, scale))
}

/// How a market's numbers are written. Each method is the [`Listing`]'s of the same name, with enough decimals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers(Listing);

impl Numbers {
    pub fn of(listing: &Listing) -> Numbers {
        Numbers(*listing)
    }

    pub fn price(&self, price: PriceTicks) -> String {
        padded(self.0.price(price))
    }

    /// Lots, also summed up.
    pub fn qty(&self, lots: u128) -> String {
        padded(self.0.qty(lots))
    }

    pub fn quote(&self, amount: Amount) -> String {
        padded(self.0.quote(amount))
    }

    pub fn worth(&self, price: PriceTicks, qty: QtyLots) -> String {
        padded(self.0.worth(price, qty))
    }
}

/// A message of another service, whose numbers come as text.
pub trait Padded {
    /// With enough decimals in each number.
    fn padded(self) -> Self;
}

macro_rules! padded {
    ($($message:ident: $($number:ident),+;)+) => { $(impl Padded for pb::$message {
        fn padded(mut self) -> Self {
            $(self.$number = padded(std::mem::take(&mut self.$number));)+
            self
        }
    })+ };
}

padded! {
    Level: price, qty;
    Deal: price, qty, quote;
    PushDeal: price, qty;
    MarketDeal: price, qty, quote;
    UserDeal: price, qty, quote, fee;
    Kline: open, high, low, close, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume;
    TickerReply: open, high, low, last, volume, quote_volume, previous_close;
    PushTicker: open, high, low, last, volume, quote_volume, previous_close;
    HistoryOrder: price, stop_price, qty, quote_order_qty, filled, filled_quote, display_qty, prevented;
    Amendment: old_qty, new_qty;
    PreventedMatch: price, qty;
    LedgerEntry: change, balance;
}

impl Padded for pb::DepthSnapshot {
    fn padded(self) -> Self {
        let (bids, asks, last) = (self.bids.padded(), self.asks.padded(), padded(self.last));
        pb::DepthSnapshot { bids, asks, last, ..self }
    }
}

impl<T: Padded> Padded for Vec<T> {
    fn padded(self) -> Self {
        self.into_iter().map(Padded::padded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_decimals_or_more() {
        let rows = [
            ("0", "0.00000000"),
            ("0.00", "0.00000000"),
            ("64038.40", "64038.40000000"),
            ("-1.5", "-1.50000000"),
            ("12", "12.00000000"),
            ("0.12345678", "0.12345678"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("1.", "1.00000000"),
            ("", ""),
            ("-", "-"),
            ("NONE", "NONE"),
        ];
        for (text, wanted) in rows {
            assert_eq!(padded(text.to_owned()), wanted, "{text}");
            assert_eq!(padded(wanted.to_owned()), wanted, "again");
        }
        let rows = [
            ("1.50000000", "0.5", Some("1.00000000")),
            ("2", "2.00", Some("0.00000000")),
            ("0.1234567891", "0.0000000001", Some("0.1234567890")),
            ("1", "1.1", None),
            ("", "1", None),
        ];
        for (from, off, wanted) in rows {
            assert_eq!(difference(from, off).as_deref(), wanted, "{from} - {off}");
        }
        let rows =
            [(0, 0, "0.00000000"), (-5, 2, "-0.05000000"), (1, 8, "0.00000001"), (1, 18, "0.000000000000000001")];
        for (units, scale, wanted) in rows {
            assert_eq!(amount(units, scale), wanted);
        }
    }
}
