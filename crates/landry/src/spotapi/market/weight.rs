//! Request weights that depend on parameters (Binance Spot REST, "Weight" of each endpoint). They are counted before the
//! parameters are checked, so what is malformed counts as one thing.

use super::super::params::Params;

pub fn depth(params: &Params) -> u32 {
    match params.u64("limit") {
        Ok(Some(101..=500)) => 25,
        Ok(Some(501..=1000)) => 50,
        Ok(Some(1001..)) => 250,
        _ => 5,
    }
}

/// `ticker/24hr`.
pub fn ticker_24hr(params: &Params) -> u32 {
    match (params.has("symbol"), count(params)) {
        (true, _) => 2,
        (false, Some(0..=20)) => 2,
        (false, Some(21..=100)) => 40,
        (false, _) => 80,
    }
}

/// `ticker/price`, `ticker/bookTicker`.
pub fn ticker_top(params: &Params) -> u32 {
    if params.has("symbol") { 2 } else { 4 }
}

/// `ticker`, `ticker/tradingDay`: 4 for each, at most 200.
pub fn ticker_window(params: &Params) -> u32 {
    each(params, 4, 200)
}

/// `executionRules`: 2 for each, at most 40, and that for all.
pub fn execution_rules(params: &Params) -> u32 {
    match params.has("symbol") || params.has("symbols") {
        true => each(params, 2, 40),
        false => 40,
    }
}

fn each(params: &Params, weight: u32, most: u32) -> u32 {
    let count = count(params).unwrap_or(1).max(1);
    u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(weight).min(most)
}

/// How many symbols `symbols` names: one more than its commas, whatever else it is.
fn count(params: &Params) -> Option<usize> {
    let text = params.get("symbols").ok().flatten()?;
    Some(text.bytes().filter(|byte| *byte == b',').count() + 1)
}
