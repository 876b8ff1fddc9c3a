//! Streams by the clock, once a second: tickers of a day, of rolling windows, and average prices. Only what changed is
//! told, and everything to whoever has just come.

use std::collections::HashMap;
use std::sync::Arc;

use allin_core::ids::{MarketId, Timestamp};
use allin_core::num::{PriceTicks, decimal};
use allin_exchange::service::{ServiceError, Stopping};
use allin_wire::exchange::v1::{
    CacheDealsRequest, DepthRequest, KlinesRequest, PushSubscribe, PushTicker, TickerReply, TickerRequest,
};
use tokio::time::MissedTickBehavior;
use tonic::{Request, Status};

use super::app::App;
use super::stream::{Stream, Window};
use crate::decimals::Padded;
use crate::jsontext::{Object, array};
use crate::spotapi::Market;
use crate::spotapi::call::TimeUnit;
use crate::spotapi::market::change::{self, Change};

/// A ticker's fields, as they are told, in both forms: the times are put in for each time unit.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Figures {
    symbol: String,
    /// JSON members without times, for change to be seen and for the message.
    members: String,
    open_at: Timestamp,
    close_at: Timestamp,
    /// The members behind the times.
    tail: String,
}

/// Kinds of tickers, each with its messages' name (`e`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Mini,
    Full,
    Window(Window),
}

/// What was told last, by kind and market.
type Told = HashMap<(Kind, MarketId), (String, String)>;

pub(super) async fn run(app: Arc<App>, mut stopping: Stopping) -> Result<(), ServiceError> {
    let mut rounds = tokio::time::interval(app.config.publish_slow());
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut averages) = (Told::new(), HashMap::new());
    loop {
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            _ = rounds.tick() => {}
        }
        let round = async {
            tickers(&app, &mut told).await;
            average_prices(&app, &mut averages).await;
        };
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = round => {}
        }
    }
}

fn kind_of(stream: Stream) -> Option<(Kind, Option<MarketId>)> {
    match stream {
        Stream::MiniTicker(market) => Some((Kind::Mini, Some(market))),
        Stream::Ticker(market) => Some((Kind::Full, Some(market))),
        Stream::Window(market, window) => Some((Kind::Window(window), Some(market))),
        Stream::AllMiniTickers(_) => Some((Kind::Mini, None)),
        Stream::AllTickers(_) => Some((Kind::Full, None)),
        Stream::AllWindows(window) => Some((Kind::Window(window), None)),
        _ => None,
    }
}

/// One round: what is listened to is asked for once, whoever wants it.
async fn tickers(app: &App, told: &mut Told) {
    let streams = app.hub.streams(|stream| kind_of(stream).is_some());
    let tables = app.hub.tables();
    let mut wanted: HashMap<(Kind, MarketId), Arc<Market>> = HashMap::new();
    for (kind, of) in streams.iter().filter_map(|stream| kind_of(*stream)) {
        let markets = tables.markets().filter(|market| of.is_none_or(|of| of == market.spec.id));
        wanted.extend(markets.map(|market| ((kind, market.spec.id), market.clone())));
    }
    told.retain(|key, _| wanted.contains_key(key));
    let mut made: HashMap<(Kind, MarketId), (Figures, bool)> = HashMap::new();
    for (key, market) in wanted {
        match figures(app, key.0, &market).await {
            Ok(figures) => {
                let now = (figures.members.clone(), figures.tail.clone());
                let changed = told.get(&key) != Some(&now);
                told.insert(key, now);
                made.insert(key, (figures, changed));
            }
            Err(status) => tracing::debug!(market = market.symbol(), %status, "no ticker yet"),
        }
    }
    let event_at = (app.clock)();
    for stream in streams {
        let Some((kind, of)) = kind_of(stream) else { continue };
        let fresh = app.hub.take_fresh(stream);
        match of {
            Some(market) => {
                let Some((figures, changed)) = made.get(&(kind, market)) else { continue };
                if *changed || fresh {
                    app.hub.publish(stream, |unit| figures.json(kind, event_at, unit));
                }
            }
            None => {
                let of_kind = tables.markets().filter_map(|market| made.get(&(kind, market.spec.id)));
                let told: Vec<&Figures> =
                    of_kind.filter(|(_, changed)| *changed || fresh).map(|(figures, _)| figures).collect();
                if !told.is_empty() {
                    let each = |unit| array(told.iter().map(|figures| figures.json(kind, event_at, unit)));
                    app.hub.publish(stream, each);
                }
            }
        }
    }
}

impl Figures {
    fn json(&self, kind: Kind, event_at: Timestamp, unit: TimeUnit) -> String {
        let name = match kind {
            Kind::Mini => "24hrMiniTicker".to_owned(),
            Kind::Full => "24hrTicker".to_owned(),
            Kind::Window(window) => format!("{}Ticker", window.name()),
        };
        let mut object = Object::with_capacity(512);
        object.text("e", &name).raw("E", unit.of(event_at)).text("s", &self.symbol);
        let mut text = object.finish();
        text.pop();
        text += &self.members;
        if kind != Kind::Mini {
            text += &format!(",\"O\":{},\"C\":{}", unit.of(self.open_at), unit.of(self.close_at));
        }
        text += &self.tail;
        text.push('}');
        text
    }
}

async fn figures(app: &App, kind: Kind, market: &Market) -> Result<Figures, Status> {
    match kind {
        Kind::Mini => Ok(mini(market, &day(app, market).await?)),
        Kind::Full => {
            let ticker = day(app, market).await?;
            let extra = full_extra(app, market, &ticker).await?;
            Ok(full(market, &as_window(&ticker), Some(&extra)))
        }
        Kind::Window(window) => {
            let now = (app.clock)();
            let start = now.0.saturating_sub(window.minutes() * Timestamp::MINUTE);
            // It begins with a whole minute, so it may be up to a minute longer.
            let start_us = (start - start % Timestamp::MINUTE).max(Timestamp::MINUTE);
            let request = TickerRequest { market: market.symbol().to_owned(), start_us, ..Default::default() };
            let reply = app.market_price.ticker(Request::new(request)).await?.into_inner().padded();
            Ok(full(market, &reply, None))
        }
    }
}

async fn day(app: &App, market: &Market) -> Result<PushTicker, Status> {
    let request = PushSubscribe { market: market.symbol().to_owned() };
    let reply = app.cache_center.tickers(Request::new(request)).await?.into_inner();
    reply.tickers.into_iter().next().map(Padded::padded).ok_or_else(|| Status::not_found("no ticker"))
}

fn as_window(ticker: &PushTicker) -> TickerReply {
    TickerReply {
        open_us: ticker.at_us.saturating_sub(Timestamp::DAY),
        close_us: ticker.at_us,
        open: ticker.open.clone(),
        high: ticker.high.clone(),
        low: ticker.low.clone(),
        last: ticker.last.clone(),
        volume: ticker.volume.clone(),
        quote_volume: ticker.quote_volume.clone(),
        trades: ticker.trades,
        first_trade: ticker.first_trade,
        last_trade: ticker.last_trade,
        previous_close: ticker.previous_close.clone(),
        as_of_seq: ticker.seq,
    }
}

/// What only the ticker of a day has: the close before it, last quantity, best bid and ask.
struct Extra {
    previous_close: String,
    last_qty: String,
    bid: [String; 2],
    ask: [String; 2],
}

async fn full_extra(app: &App, market: &Market, ticker: &PushTicker) -> Result<Extra, Status> {
    let symbol = || market.symbol().to_owned();
    let deals = CacheDealsRequest { market: symbol(), limit: 1 };
    let last = app.cache_center.deals(Request::new(deals)).await?.into_inner().deals.padded().into_iter().next();
    let depth = DepthRequest { market: symbol(), limit: 1, merge: String::new() };
    let depth = app.cache_center.depth(Request::new(depth)).await?.into_inner().padded();
    let (price, qty) = (market.listing.price(PriceTicks::NONE), market.listing.qty(0));
    let top = |levels: Vec<allin_wire::exchange::v1::Level>| match levels.into_iter().next() {
        Some(level) => [level.price, level.qty],
        None => [price.clone(), qty.clone()],
    };
    let (bid, ask) = (top(depth.bids), top(depth.asks));
    let previous_close = if ticker.previous_close.is_empty() { price.clone() } else { ticker.previous_close.clone() };
    Ok(Extra { previous_close, last_qty: last.map_or(qty, |deal| deal.qty), bid, ask })
}

/// `,"key":"text"…` of texts that need no escaping.
fn members(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(key, value)| format!(",\"{key}\":\"{value}\"")).collect()
}

fn mini(market: &Market, ticker: &PushTicker) -> Figures {
    let members = members(&[
        ("c", &ticker.last),
        ("o", &ticker.open),
        ("h", &ticker.high),
        ("l", &ticker.low),
        ("v", &ticker.volume),
        ("q", &ticker.quote_volume),
    ]);
    let none = Timestamp(0);
    let symbol = market.symbol().to_owned();
    Figures { symbol, members, open_at: none, close_at: none, tail: String::new() }
}

fn full(market: &Market, window: &TickerReply, extra: Option<&Extra>) -> Figures {
    let (open, last) = (window.open.as_str(), window.last.as_str());
    let (volume, quote_volume) = (window.volume.as_str(), window.quote_volume.as_str());
    let change = Change::of(market, &change::Window { open, last, volume, quote_volume });
    let (high, low) = (("h", window.high.as_str()), ("l", window.low.as_str()));
    let sums = [("v", volume), ("q", quote_volume)];
    let mut pairs = vec![("p", change.price.as_str()), ("P", change.percent.as_str())];
    match extra {
        Some(extra) => {
            pairs.extend([("w", change.weighted_average.as_str()), ("x", &extra.previous_close), ("c", last)]);
            pairs.extend([("Q", extra.last_qty.as_str()), ("b", &extra.bid[0]), ("B", &extra.bid[1])]);
            pairs.extend([("a", extra.ask[0].as_str()), ("A", &extra.ask[1]), ("o", open), high, low]);
        }
        None => pairs.extend([("o", open), high, low, ("c", last), ("w", change.weighted_average.as_str())]),
    }
    pairs.extend(sums);
    // Ids of trades that there are not.
    let id = |id: u64| if window.trades == 0 { -1 } else { i64::try_from(id).unwrap_or(i64::MAX) };
    let (first, newest) = (id(window.first_trade), id(window.last_trade));
    Figures {
        symbol: market.symbol().to_owned(),
        members: members(&pairs),
        open_at: Timestamp(window.open_us),
        close_at: Timestamp(window.close_us),
        tail: format!(",\"F\":{first},\"L\":{newest},\"n\":{}", window.trades),
    }
}

async fn average_prices(app: &App, told: &mut HashMap<MarketId, (String, u64)>) {
    let streams = app.hub.streams(|stream| matches!(stream, Stream::AvgPrice(_)));
    told.retain(|id, _| streams.contains(&Stream::AvgPrice(*id)));
    let tables = app.hub.tables();
    for stream in streams {
        let Stream::AvgPrice(id) = stream else { continue };
        let Some(market) = tables.market(id) else { continue };
        let average = match average_price(app, market).await {
            Ok(average) => average,
            Err(status) => {
                tracing::debug!(market = market.symbol(), %status, "no average price yet");
                continue;
            }
        };
        if told.get(&id) == Some(&average) && !app.hub.take_fresh(stream) {
            continue;
        }
        let event_at = (app.clock)();
        let minutes = market.spec.filters.average_minutes;
        app.hub.publish(stream, |unit| {
            let mut object = Object::new();
            object.text("e", "avgPrice").raw("E", unit.of(event_at)).text("s", market.symbol());
            object.text("i", &format!("{minutes}m")).text("w", &average.0).raw("T", unit.of(Timestamp(average.1)));
            object.finish()
        });
        told.insert(id, average);
    }
}

/// The price that the filters go by, as in REST's `avgPrice`, and the time of the last trade, microseconds.
async fn average_price(app: &App, market: &Market) -> Result<(String, u64), Status> {
    let symbol = || market.symbol().to_owned();
    let deals = CacheDealsRequest { market: symbol(), limit: 1 };
    let last = app.cache_center.deals(Request::new(deals)).await?.into_inner().deals.padded().into_iter().next();
    let at_us = last.as_ref().map_or(0, |deal| deal.at_us);
    let minutes = market.spec.filters.average_minutes;
    if minutes > 0 {
        let now = (app.clock)();
        let minute = now.0 - now.0 % Timestamp::MINUTE;
        let start = minute.saturating_sub(u64::from(minutes - 1) * Timestamp::MINUTE);
        let (interval, limit) = ("1m".to_owned(), u32::from(minutes));
        let request =
            KlinesRequest { market: symbol(), interval, start_us: start.max(1), limit, ..KlinesRequest::default() };
        let bars = app.market_price.klines(Request::new(request)).await?.into_inner().klines;
        let sum = |texts: &mut dyn Iterator<Item = &String>, scale: u8| {
            let sum = texts.map(|text| decimal::parse_signed(text, scale).unwrap_or_default()).sum();
            decimal::format(sum, scale)
        };
        let volume = sum(&mut bars.iter().map(|bar| &bar.volume), market.spec.qty_scale);
        let quote = sum(&mut bars.iter().map(|bar| &bar.quote_volume), market.quote.scale);
        if let Some(average) = change::weighted_average(market, &volume, &quote) {
            return Ok((average, at_us));
        }
    }
    let price = last.map_or_else(|| market.listing.price(PriceTicks::NONE), |deal| deal.price);
    Ok((price, at_us))
}
