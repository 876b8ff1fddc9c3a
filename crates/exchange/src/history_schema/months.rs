//! Tables that grow with trading lie in parts of a month each; and what of them is kept.
//!
//! On servers a part is a partition; a SQLite file has none. An order lies where it was created, everything else where it
//! happened. What is kept begins with a month, by the time of the log: so it is part of the fold, and tables that are made anew
//! keep the same.

use allin_core::ids::Timestamp;
use allin_runtime::store::{Month, StoreError, Tx};

/// A table in parts.
#[derive(Clone, Copy, Debug)]
pub struct Parted {
    pub table: &'static str,
    /// The column whose month says in which part a row lies.
    pub time: &'static str,
    pub stays: Stays,
}

/// What stays of a month that is kept no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stays {
    Nothing,
    /// Orders that are open, or ended in what is kept; and the orders of such lists.
    Orders,
    /// What belongs to an order that can be asked for.
    OfOrders,
}

pub const PARTED: [Parted; 7] = [
    Parted { table: "history_market_deals", time: "at_us", stays: Stays::Nothing },
    Parted { table: "history_ledger", time: "at_us", stays: Stays::Nothing },
    Parted { table: "history_user_deals", time: "at_us", stays: Stays::OfOrders },
    Parted { table: "history_amendments", time: "at_us", stays: Stays::OfOrders },
    Parted { table: "history_prevented_matches", time: "at_us", stays: Stays::OfOrders },
    // Rows that are still needed come into the present; when an order got its client id is nobody's question.
    Parted { table: "history_order_clients", time: "at_us", stays: Stays::Nothing },
    Parted { table: "history_orders", time: "created_us", stays: Stays::Orders },
];

/// Where what is kept begins at a time of the log, microseconds: so many whole months before the one that it is in; 0, with no number
/// of months, is everything.
pub fn kept_from(at: Timestamp, keep_months: u32) -> u64 {
    if keep_months == 0 {
        return 0;
    }
    let at = i64::try_from(at.0).unwrap_or(i64::MAX);
    u64::try_from(Month::of(at).back(keep_months).start_us()).unwrap_or(0)
}

/// What the tables keep. Answers follow `from_us` from the moment that it is there; what is older goes then.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Kept {
    /// Nothing that was over before this is told; 0: everything is.
    pub from_us: u64,
    /// Up to here it has gone.
    pub swept_us: u64,
    /// Where the month of the newest rows begins.
    pub reached_us: u64,
}

impl Kept {
    pub async fn load(tx: &mut Tx) -> Result<Kept, StoreError> {
        let rows = tx.query("SELECT from_us, swept_us, reached_us FROM history_kept WHERE id = 1", &[]).await?;
        let row = rows.first().ok_or_else(|| StoreError::corrupt("history_kept has no row"))?;
        Ok(Kept { from_us: row.unsigned(0)?, swept_us: row.unsigned(1)?, reached_us: row.unsigned(2)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_months_before_the_present_one_are_kept() {
        const NOVEMBER: u64 = 1_793_491_200_000_000;
        const OCTOBER: u64 = NOVEMBER - 31 * 86_400_000_000;
        const NOVEMBER_BEFORE: u64 = NOVEMBER - 365 * 86_400_000_000;
        for (at, months, from) in [
            (NOVEMBER, 0, 0),
            (NOVEMBER, 1, OCTOBER),
            (NOVEMBER + 29 * 86_400_000_000, 1, OCTOBER),
            (NOVEMBER, 12, NOVEMBER_BEFORE),
            (NOVEMBER - 1, 11, NOVEMBER_BEFORE),
            (5, 3, 0),
            (NOVEMBER, 1_000_000, 0),
        ] {
            assert_eq!(kept_from(Timestamp(at), months), from, "{at} {months}");
        }
    }
}
