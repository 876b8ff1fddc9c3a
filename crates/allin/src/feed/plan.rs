//! Owns who sends what: which simulated account places an order, and what each account needs to do so.
//! Known limits: an account is funded for all its orders at once, as if none ever closed.

use super::flow::{Action, Flow, Price, QTY_SCALE, Row};

/// The accounts of a run: `first`, and the ids after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accounts {
    pub first: u64,
    pub count: u64,
}

/// What an account is given, in lots of base and in tick-lots of quote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    pub base_lots: u128,
    pub quote: u128,
}

impl Accounts {
    /// The account of an order: always the same for the same id, evenly spread.
    pub fn of(&self, order: u64) -> u64 {
        self.first + mix(order) % self.count
    }

    /// What each account needs, in order of account. Whoever sells at the market may need base that a limit order of his
    /// has brought, so base is given for all; a market order to buy spends at most its quantity at `market_price`.
    pub fn needs(&self, flow: &Flow, market_price: u64) -> Vec<Needs> {
        let mut needs = vec![Needs::default(); self.count as usize];
        for row in flow.rows.iter().filter(|row| row.action == Action::Created) {
            let need = &mut needs[(self.of(row.id) - self.first) as usize];
            match (row.buy, row.price) {
                (false, _) => need.base_lots += u128::from(row.lots),
                (true, Price::Limit(ticks)) => need.quote += u128::from(ticks) * u128::from(row.lots),
                (true, Price::Market) => need.quote += u128::from(market_price) * u128::from(row.lots),
            }
        }
        // Everybody holds something of both, so that fees and roundings never decide.
        let (lot, tick_lot) = (10u128.pow(u32::from(QTY_SCALE)), u128::from(market_price.max(1)));
        for need in &mut needs {
            need.base_lots += lot;
            need.quote += lot * tick_lot;
        }
        needs
    }
}

/// The client order id of a recorded order: `tag`, and the recording's own id.
pub fn client_id(tag: &str, row: &Row) -> String {
    format!("{tag}{}", row.id)
}

/// Spreads consecutive numbers (the finalizer of SplitMix64).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_spread_evenly_and_stay_where_they_are() {
        let accounts = Accounts { first: 1_000, count: 10 };
        let mut orders = [0; 10];
        for id in 0..10_000 {
            assert_eq!(accounts.of(id), accounts.of(id));
            orders[(accounts.of(id) - 1_000) as usize] += 1;
        }
        assert!(orders.iter().all(|count| (900..1_100).contains(count)), "{orders:?}");
    }

    #[test]
    fn an_account_is_funded_for_all_its_orders() {
        let row = |buy, price, lots, action| Row { id: 1, at_ms: 0, action, buy, price, lots };
        let rows = vec![
            row(true, Price::Limit(20), 3, Action::Created),
            row(true, Price::Market, 5, Action::Created),
            row(false, Price::Market, 7, Action::Created),
            row(false, Price::Limit(30), 11, Action::Created),
            row(false, Price::Limit(30), 11, Action::Deleted),
        ];
        let flow = Flow { rows, ..Flow::default() };
        let needs = Accounts { first: 1, count: 1 }.needs(&flow, 100);
        assert_eq!(needs, [Needs { base_lots: 18 + 100_000_000, quote: 60 + 500 + 10_000_000_000 }]);
    }
}
