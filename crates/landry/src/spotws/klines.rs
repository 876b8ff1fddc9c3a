//! Candlestick streams: the running bar when it changed, and each bar once more when it is over.
//!
//! Asked of market prices by the clock, so that a stream and REST tell the same bars, whatever their time zone.

use std::collections::HashMap;
use std::sync::Arc;

use allin_core::candles::{Interval, Offset};
use allin_core::ids::{MarketId, Timestamp};
use allin_exchange::service::{ServiceError, Stopping};
use allin_wire::exchange::v1::{Kline, KlinesRequest};
use tokio::time::MissedTickBehavior;
use tonic::{Request, Status};

use super::app::App;
use super::stream::Stream;
use crate::decimals::Padded;
use crate::jsontext::Object;
use crate::spotapi::call::TimeUnit;

/// Bars of one question: those that ended since the last round.
const BARS_MAX: u32 = 100;
/// Bars are told as of this long ago: their last trades may be on the way.
const GRACE: u64 = 300_000;

pub(super) async fn run(app: Arc<App>, mut stopping: Stopping) -> Result<(), ServiceError> {
    let mut rounds = tokio::time::interval(app.config.publish_slow());
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: HashMap<Stream, Kline> = HashMap::new();
    let mut even = false;
    loop {
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            _ = rounds.tick() => {}
        }
        even = !even;
        let streams = app.hub.streams(|stream| matches!(stream, Stream::Kline(..)));
        told.retain(|stream, _| streams.contains(stream));
        for stream in streams {
            let Stream::Kline(market, interval, offset) = stream else { continue };
            // Bars of a second are told every second, longer ones every other.
            if interval != Interval::S1 && !even {
                continue;
            }
            let offset = offset.unwrap_or(Offset::UTC);
            let bars = tokio::select! {
                () = stopping.wait() => return Ok(()),
                bars = bars(&app, market, interval, offset, told.get(&stream)) => bars,
            };
            match bars {
                Ok(bars) => tell(&app, stream, &bars, &mut told),
                Err(status) => tracing::debug!(%status, "no bars yet"),
            }
        }
    }
}

/// From the bar that was told last to the running one; that alone when none was told.
async fn bars(
    app: &App,
    market: MarketId,
    interval: Interval,
    offset: Offset,
    told: Option<&Kline>,
) -> Result<Vec<Kline>, Status> {
    let tables = app.hub.tables();
    let Some(market) = tables.market(market) else { return Ok(Vec::new()) };
    let now = Timestamp((app.clock)().0.saturating_sub(GRACE));
    let request = KlinesRequest {
        market: market.symbol().to_owned(),
        interval: interval.name().to_owned(),
        start_us: told.map_or(0, |bar| bar.open_us),
        end_us: now.0.max(1),
        limit: if told.is_some() { BARS_MAX } else { 1 },
        offset_minutes: offset.as_minutes(),
    };
    Ok(app.market_price.klines(Request::new(request)).await?.into_inner().klines.padded())
}

fn tell(app: &App, stream: Stream, bars: &[Kline], told: &mut HashMap<Stream, Kline>) {
    let fresh = app.hub.take_fresh(stream);
    let event_at = (app.clock)();
    let now = event_at.0.saturating_sub(GRACE);
    for bar in bars {
        // What comes after a bar ends it; it is told again even if nothing changed.
        let closed = bar.close_us < now && bars.last().is_some_and(|last| last.open_us > bar.open_us);
        let before = told.get(&stream);
        if before.is_some_and(|before| before.open_us > bar.open_us) || before == Some(bar) && !closed && !fresh {
            continue;
        }
        app.hub.publish(stream, |unit| json(app, stream, bar, closed, event_at, unit));
        told.insert(stream, bar.clone());
    }
}

fn json(app: &App, stream: Stream, bar: &Kline, closed: bool, event_at: Timestamp, unit: TimeUnit) -> String {
    let Stream::Kline(market, interval, _) = stream else { return String::new() };
    let tables = app.hub.tables();
    let symbol = tables.market(market).map(|market| market.symbol().to_owned()).unwrap_or_default();
    // Ids of trades that there are not.
    let id = |id: u64| if bar.trades == 0 { -1 } else { i64::try_from(id).unwrap_or(i64::MAX) };
    let mut k = Object::with_capacity(400);
    k.raw("t", unit.of(Timestamp(bar.open_us))).raw("T", unit.of(Timestamp(bar.close_us))).text("s", &symbol);
    k.text("i", interval.name()).raw("f", id(bar.first_trade)).raw("L", id(bar.last_trade));
    k.text("o", &bar.open).text("c", &bar.close).text("h", &bar.high).text("l", &bar.low);
    k.text("v", &bar.volume).raw("n", bar.trades).raw("x", closed).text("q", &bar.quote_volume);
    k.text("V", &bar.taker_buy_volume).text("Q", &bar.taker_buy_quote_volume).text("B", "0");
    let mut object = Object::with_capacity(500);
    object.text("e", "kline").raw("E", unit.of(event_at)).text("s", &symbol).raw("k", k.finish());
    object.finish()
}
