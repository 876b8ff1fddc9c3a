//! `klines` and `uiKlines`.

use allin_core::candles::Interval;
use allin_core::ids::Timestamp;
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{Kline, KlinesRequest};

use super::super::app::App;
use super::super::call::{Call, Outcome, json};
use super::{ask, limit, select};

const LIMIT: u32 = 500;
const LIMIT_MAX: u32 = 1000;

/// Open time, open, high, low, close, volume, close time, quote volume, trades, taker's volume and quote volume, and a
/// field that is of no use any more.
type Row = (u64, String, String, String, String, String, u64, String, u64, String, String, &'static str);

pub async fn klines(app: &App, call: &Call) -> Outcome {
    let market = select::one(app, call)?;
    let interval = call.params.required("interval")?;
    if Interval::from_name(interval).is_none() {
        return Err(ApiError::new(Code::BadInterval, "Invalid interval.").into());
    }
    let offset_minutes = limit::time_zone(&call.params)?;
    let (start, end) = (call.params.time("startTime")?, call.params.time("endTime")?);
    let limit = limit::limit(&call.params, LIMIT, LIMIT_MAX)?;
    call.params.all_read()?;
    let request = KlinesRequest {
        market: market.symbol().to_owned(),
        interval: interval.to_owned(),
        // 0 would mean that none was sent.
        start_us: start.map_or(0, |start| start.0.max(1)),
        // A bar that begins at the end is in.
        end_us: end.map_or(0, |end| end.plus(1).0),
        limit,
        offset_minutes,
    };
    let bars = ask::klines(app, request).await?;
    json(&bars.into_iter().map(|bar| row(call, bar)).collect::<Vec<_>>())
}

fn row(call: &Call, bar: Kline) -> Row {
    (
        call.time(Timestamp(bar.open_us)),
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        call.time(Timestamp(bar.close_us)),
        bar.quote_volume,
        bar.trades,
        bar.taker_buy_volume,
        bar.taker_buy_quote_volume,
        "0",
    )
}
