//! The ledger of every asset, summed.

use allin_core::num::decimal;
use allin_core::spot::Spot;
use allin_core::spot::view::Conservation;
use serde_json::{Value, json};

use super::columns::columns;

/// One line an asset, and whether it holds.
pub fn text(machine: &Spot) -> String {
    let heads = [
        "asset",
        "available",
        "held",
        "fees",
        "rounding",
        "house",
        "insurance",
        "deposits",
        "withdrawals",
        "users",
        "",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for row in machine.conservation() {
        let asset = &machine.assets()[row.asset.0 as usize];
        let (_, users, _, _) = machine.asset_summary(row.asset);
        let amount = |value| decimal::format(value, asset.scale);
        rows.push(vec![
            asset.symbol.to_string(),
            amount(row.users_available),
            amount(row.users_held),
            amount(row.fees),
            amount(row.rounding),
            amount(row.house),
            amount(row.insurance),
            amount(row.deposits),
            amount(row.withdrawals),
            users.to_string(),
            if row.holds() { "holds".to_owned() } else { "BROKEN".to_owned() },
        ]);
    }
    columns(&rows)
}

pub fn json(machine: &Spot) -> Value {
    let rows = machine.conservation().into_iter().map(|row| {
        let asset = &machine.assets()[row.asset.0 as usize];
        let amount = |value| decimal::format(value, asset.scale);
        json!({
            "asset": asset.symbol.to_string(),
            "available": amount(row.users_available),
            "held": amount(row.users_held),
            "fees": amount(row.fees),
            "rounding": amount(row.rounding),
            "house": amount(row.house),
            "insurance": amount(row.insurance),
            "deposits": amount(row.deposits),
            "withdrawals": amount(row.withdrawals),
            "reserved": row.reserved.map(amount),
            "holds": row.holds(),
        })
    });
    rows.collect()
}

/// A sentence for each asset that does not hold, by a new sum over all balances and orders.
pub fn faults(machine: &Spot) -> Vec<String> {
    let broken = machine.conservation().into_iter().filter(|row| !row.holds());
    let told =
        |row: Conservation| format!("the ledger of {} does not hold", machine.assets()[row.asset.0 as usize].symbol);
    let mut faults: Vec<String> = broken.map(told).collect();
    if !machine.sums_agree() {
        faults.push("the sums that the ledger keeps are not those of its balances".into());
    }
    faults
}
