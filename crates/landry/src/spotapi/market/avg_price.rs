//! `avgPrice`: the volume-weighted average that the filters go by.

use allin_core::ids::Timestamp;
use allin_wire::exchange::v1::KlinesRequest;
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Outcome, json};
use super::change;
use super::{ask, pictures, select};
use crate::decimals;
use allin_core::num::decimal;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Average {
    mins: u8,
    price: String,
    /// Of the last trade; 0 before the first.
    close_time: u64,
}

pub async fn avg_price(app: &App, call: &Call) -> Outcome {
    let market = select::one(app, call)?;
    call.params.all_read()?;
    let mins = market.spec.filters.average_minutes;
    let last_trade = ask::newest_fills(app, &market, 1).await?.pop();
    let close_time = last_trade.map_or(0, |deal| call.time(Timestamp(deal.at_us)));
    // The engine adds up the running minute and those before it.
    let minute = call.now.0 - call.now.0 % Timestamp::MINUTE;
    let start = minute.saturating_sub(u64::from(mins.saturating_sub(1)) * Timestamp::MINUTE);
    let mut average = None;
    if mins > 0 {
        let request = KlinesRequest {
            market: market.symbol().to_owned(),
            interval: "1m".to_owned(),
            start_us: start.max(1),
            end_us: 0,
            limit: u32::from(mins),
            offset_minutes: 0,
        };
        let bars = ask::klines(app, request).await?;
        let sum = |text: fn(&allin_wire::exchange::v1::Kline) -> &str, scale: u8| -> i128 {
            bars.iter().map(|bar| decimal::parse_signed(text(bar), scale).unwrap_or_default()).sum()
        };
        let (qty_scale, quote_scale) = (market.spec.qty_scale, market.quote.scale);
        let volume = decimal::format(sum(|bar| &bar.volume, qty_scale), qty_scale);
        let quote = decimal::format(sum(|bar| &bar.quote_volume, quote_scale), quote_scale);
        average = change::weighted_average(&market, &volume, &quote);
    }
    let price = match average {
        Some(average) => average,
        None => {
            let last = decimal::parse_signed(&pictures::top(app, &market).await?.last, market.quote.scale);
            decimals::amount(last.unwrap_or_default(), market.quote.scale)
        }
    };
    json(&Average { mins, price, close_time })
}
