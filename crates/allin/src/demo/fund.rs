//! Money from the house for a demo account.

use std::sync::atomic::{AtomicU64, Ordering};

use allin_core::num::decimal;
use serde_json::json;

use super::api::{Api, now_ms};
use crate::node::Failure;

const ACCESSHTTP: &str = "landry-ces-accesshttp";
/// A business whose counterpart is the funded house account (`accesshttp.house_businesses`).
const BUSINESS: &str = "airdrop";

/// `ASSET=AMOUNT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    pub asset: String,
    /// Decimal text.
    pub amount: String,
}

/// `BTC=10,USDT=1000000`; nothing for nothing.
pub fn parse_amounts(text: &str) -> Result<Vec<Amount>, String> {
    let mut amounts: Vec<Amount> = Vec::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (asset, amount) = part.split_once('=').ok_or_else(|| format!("{part:?} is not ASSET=AMOUNT"))?;
        let named = !asset.is_empty() && asset.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let positive = decimal::parse_unsigned(amount, 18).is_ok_and(|units| units > 0);
        if !named || !positive {
            return Err(format!("{part:?} is not ASSET=AMOUNT with a positive decimal amount"));
        }
        if amounts.iter().any(|known| known.asset == asset) {
            return Err(format!("{asset} is there twice"));
        }
        amounts.push(Amount { asset: asset.to_owned(), amount: amount.to_owned() });
    }
    Ok(amounts)
}

/// Pays from the house account, which can run dry.
pub async fn fund(api: &Api, user_id: u64, amounts: &[Amount]) -> Result<(), Failure> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    for one in amounts {
        // Different each time, for the same account and asset too.
        let number = u64::try_from(now_ms())? * 1000 + NEXT.fetch_add(1, Ordering::Relaxed) % 1000;
        let params = json!([user_id, one.asset, BUSINESS, number, one.amount, { "demo": true }]);
        let body = json!({ "id": 1, "method": "balance.update", "params": params });
        let answer = api.internal(ACCESSHTTP, "/", &body).await?.good("funding")?;
        if !answer["error"].is_null() {
            let what = format!("{} {} for user {user_id}", one.amount, one.asset);
            return Err(match answer["error"]["code"].as_i64() {
                Some(1) => format!("{what}: no such asset, or more decimals than it has").into(),
                Some(11) => format!("{what}: the house has not so much").into(),
                _ => format!("{what}: {}", answer["error"]).into(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_or_refused() {
        let one = |asset: &str, amount: &str| Amount { asset: asset.into(), amount: amount.into() };
        let rows = [
            ("", Some(vec![])),
            ("BTC=10", Some(vec![one("BTC", "10")])),
            ("BTC=10,USDT=1000000.5", Some(vec![one("BTC", "10"), one("USDT", "1000000.5")])),
            ("BTC", None),
            ("BTC=", None),
            ("=1", None),
            ("BTC=0", None),
            ("BTC=-1", None),
            ("BTC=1e3", None),
            ("btc=1", None),
            ("BTC=1,", None),
            ("BTC=1,BTC=2", None),
        ];
        for (text, want) in rows {
            assert_eq!(parse_amounts(text).ok(), want, "{text}");
        }
    }
}
