//! The figures that are summed up, and how profit is reckoned.

use allin_core::num::Amount;
use allin_core::spot::command::Side;

/// Smallest quote units and lots of one side of a trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    pub side: Side,
    pub lots: u64,
    pub quote: Amount,
    pub is_maker: bool,
}

/// A user's day in a market.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Day {
    pub buy_lots: u128,
    pub sell_lots: u128,
    pub buy_quote: Amount,
    pub sell_quote: Amount,
    pub maker_trades: u64,
    pub taker_trades: u64,
    /// What sales brought above the average cost of what was sold.
    pub profit: Amount,
}

/// What a user holds of what he bought in a market, and what it cost him. Funds that came from elsewhere have no cost and
/// are not in it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Position {
    pub lots: u128,
    pub cost: Amount,
}

impl Day {
    pub fn add(&mut self, part: &Part, position: &mut Position) {
        match part.side {
            Side::Buy => {
                self.buy_lots = self.buy_lots.saturating_add(part.lots.into());
                self.buy_quote = self.buy_quote.saturating_add(part.quote);
                position.buy(part);
            }
            Side::Sell => {
                self.sell_lots = self.sell_lots.saturating_add(part.lots.into());
                self.sell_quote = self.sell_quote.saturating_add(part.quote);
                self.profit = self.profit.saturating_add(position.sell(part));
            }
        }
        match part.is_maker {
            true => self.maker_trades += 1,
            false => self.taker_trades += 1,
        }
    }

    pub fn volume(&self) -> Amount {
        self.buy_quote.saturating_add(self.sell_quote)
    }
}

impl Position {
    fn buy(&mut self, part: &Part) {
        self.lots = self.lots.saturating_add(part.lots.into());
        self.cost = self.cost.saturating_add(part.quote);
    }

    /// The profit of a sale: what the covered lots brought, less their share of the cost, rounded down. The rest of the
    /// cost stays with the rest of the lots, so that in the end nothing of it is lost. Lots beyond the position bring no
    /// profit, for nothing is known of their cost.
    fn sell(&mut self, part: &Part) -> Amount {
        let covered = self.lots.min(part.lots.into());
        if covered == 0 {
            return 0;
        }
        let cost = share(self.cost, covered, self.lots);
        // A trade's quote is a whole number for each lot.
        let brought = part.quote / Amount::from(part.lots) * covered as Amount;
        self.lots -= covered;
        self.cost -= cost;
        brought - cost
    }
}

/// `amount × part / whole` rounded down, exact for all `amount ≥ 0` and `part ≤ whole`: by long multiplication in binary,
/// with quotient and remainder carried along, where the product is too wide.
pub fn share(amount: Amount, part: u128, whole: u128) -> Amount {
    assert!(amount >= 0 && 0 < whole && part <= whole, "a share of something");
    let amount = amount as u128;
    if let Some(product) = amount.checked_mul(part) {
        return (product / whole) as Amount;
    }
    // After each bit: quotient × whole + remainder = part × (the bits of amount so far). Remainders stay below `whole`,
    // which has at most 127 bits here, as lots of a supply do.
    let (mut quotient, mut remainder) = (0u128, 0u128);
    let add = |remainder: u128, more: u128| match remainder >= whole - more {
        true => (remainder - (whole - more), 1),
        false => (remainder + more, 0),
    };
    let (whole_part, part) = (part / whole, part % whole);
    for bit in (0..128 - amount.leading_zeros()).rev() {
        let (doubled, carry) = add(remainder, remainder);
        (quotient, remainder) = (quotient * 2 + carry, doubled);
        if amount >> bit & 1 == 1 {
            let (sum, carry) = add(remainder, part);
            (quotient, remainder) = (quotient + carry + whole_part, sum);
        }
    }
    quotient as Amount
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(side: Side, lots: u64, price: i128) -> Part {
        Part { side, lots, quote: price * lots as i128, is_maker: false }
    }

    #[test]
    fn profit_is_over_the_average_cost() {
        // (side, lots, price) → (profit so far, lots held, cost held)
        let rows = [
            (Side::Buy, 3, 10, (0, 3, 30)),
            (Side::Buy, 1, 11, (0, 4, 41)),
            // A share of 41 × 1 / 4, rounded down: 10.
            (Side::Sell, 1, 20, (10, 3, 31)),
            (Side::Sell, 2, 5, (10 + 10 - 20, 1, 11)),
            // Five of six are not from here.
            (Side::Sell, 6, 12, (1, 0, 0)),
            (Side::Sell, 1, 100, (1, 0, 0)),
            (Side::Buy, 2, 7, (1, 2, 14)),
        ];
        let (mut day, mut position) = (Day::default(), Position::default());
        for (side, lots, price, want) in rows {
            day.add(&part(side, lots, price), &mut position);
            assert_eq!((day.profit, position.lots, position.cost), want, "{side:?} {lots}@{price}");
        }
        assert_eq!((day.buy_lots, day.sell_lots, day.taker_trades), (6, 10, 7));
    }

    #[test]
    fn shares_are_exact_also_where_the_product_is_wide() {
        let rows = [
            (41, 1, 4, 10),
            (1 << 126, 1 << 100, 1 << 101, 1 << 125),
            ((1 << 126) + 1, 3, 3, (1 << 126) + 1),
            (i128::MAX, u128::MAX / 3, u128::MAX / 3, i128::MAX),
            (i128::MAX, 1, 1 << 127, 0),
            (0, 5, 7, 0),
        ];
        for (amount, part, whole, want) in rows {
            assert_eq!(share(amount, part, whole), want, "{amount} × {part} / {whole}");
        }
        // Wide against narrow: a common factor changes nothing.
        let (mut x, mut wide) = (88172645463325252u64, 0);
        for _ in 0..2000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            let (amount, whole) = (u128::from(x), u128::from(x >> 20) + 1);
            let part = u128::from(x << 7) % (whole + 1);
            let want = (amount * part / whole) as i128;
            assert_eq!(share(amount as i128, part, whole), want);
            let factor = 1u128 << 70;
            wide += u128::from((amount).checked_mul(part * factor).is_none());
            assert_eq!(share(amount as i128, part * factor, whole * factor), want);
        }
        assert!(wide > 1000, "{wide}");
    }
}
