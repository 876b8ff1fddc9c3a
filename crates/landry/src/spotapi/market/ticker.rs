//! `ticker/24hr`, `ticker/tradingDay`, `ticker`: price changes over a window.

use std::sync::Arc;

use allin_core::ids::Timestamp;
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{PushTicker, TickerReply, TickerRequest};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::markets::Market;
use super::super::params::Params;
use super::change::{Change, Window};
use super::select::Selected;
use super::{ask, limit, pictures, select};

/// Symbols of one request at most, where Binance has a bound.
const SYMBOLS_MAX: usize = 100;
/// Questions of one request that are open at once.
const CONCURRENCY: usize = 8;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ticker {
    symbol: String,
    #[serde(flatten)]
    change: Option<PriceChange>,
    #[serde(flatten)]
    book: Option<Book>,
    open_price: String,
    high_price: String,
    low_price: String,
    /// After the book's fields where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_price: Option<String>,
    volume: String,
    quote_volume: String,
    open_time: u64,
    close_time: u64,
    first_id: i64,
    last_id: i64,
    count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PriceChange {
    price_change: String,
    price_change_percent: String,
    weighted_avg_price: String,
}

/// What `ticker/24hr` has of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Book {
    prev_close_price: String,
    last_price: String,
    last_qty: String,
    bid_price: String,
    bid_qty: String,
    ask_price: String,
    ask_qty: String,
}

/// `type`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Full,
    Mini,
}

impl Kind {
    fn of(params: &Params) -> Result<Kind, ApiError> {
        match params.get("type")? {
            None | Some("FULL") => Ok(Kind::Full),
            Some("MINI") => Ok(Kind::Mini),
            Some(_) => Err(ApiError::new(Code::InvalidTickerType, "Invalid ticker type.")),
        }
    }
}

pub async fn day(app: &App, call: &Call) -> Outcome {
    let selected = select::some_or_all(app, call)?;
    let kind = Kind::of(&call.params)?;
    call.params.all_read()?;
    let make = |market: Arc<Market>| {
        async move {
            let ticker = ask::day(app, &market).await?;
            let book = if kind == Kind::Full { Some(book(app, &market, &ticker).await?) } else { None };
            Ok(of_day(call, &market, kind, ticker, book))
        }
        .boxed()
    };
    each(selected, make).await
}

pub async fn trading_day(app: &App, call: &Call) -> Outcome {
    let selected = select::some_at_most(app, call, SYMBOLS_MAX)?;
    let kind = Kind::of(&call.params)?;
    let offset = i64::from(limit::time_zone(&call.params)?) * Timestamp::MINUTE as i64;
    call.params.all_read()?;
    // Midnight of the time zone.
    let now = i64::try_from(call.now.0).unwrap_or(i64::MAX);
    let start = now.saturating_sub((now.saturating_add(offset)).rem_euclid(Timestamp::DAY as i64));
    let start = Timestamp(u64::try_from(start).unwrap_or(0));
    let make = |market: Arc<Market>| {
        async move {
            let mut ticker = since(app, &market, start).await?;
            ticker.close_us = start.plus(Timestamp::DAY - 1).0;
            Ok(of_window(call, &market, kind, ticker))
        }
        .boxed()
    };
    each(selected, make).await
}

pub async fn rolling(app: &App, call: &Call) -> Outcome {
    let selected = select::some_at_most(app, call, SYMBOLS_MAX)?;
    let kind = Kind::of(&call.params)?;
    let window = window_size(&call.params)?;
    call.params.all_read()?;
    // The window begins with a whole minute, so it is up to a minute longer than asked for.
    let start = call.now.0.saturating_sub(window);
    let start = Timestamp(start - start % Timestamp::MINUTE);
    let make = |market: Arc<Market>| {
        async move { Ok(of_window(call, &market, kind, since(app, &market, start).await?)) }.boxed()
    };
    each(selected, make).await
}

/// One ticker, or an array of them in the order asked for.
async fn each<'a>(selected: Selected, make: impl Fn(Arc<Market>) -> BoxFuture<'a, Result<Ticker, Failure>>) -> Outcome {
    match selected {
        Selected::One(market) => json(&make(market).await?),
        Selected::Many(markets) => {
            let questions: Vec<_> = markets.into_iter().map(make).collect();
            let made: Vec<_> = stream::iter(questions).buffered(CONCURRENCY).collect().await;
            json(&made.into_iter().collect::<Result<Vec<_>, _>>()?)
        }
    }
}

/// Microseconds of `windowSize`: minutes to 59, hours to 23, days to 7.
fn window_size(params: &Params) -> Result<u64, ApiError> {
    let Some(text) = params.get("windowSize")? else { return Ok(Timestamp::DAY) };
    let bad = || ApiError::new(Code::InvalidParameter, "Data sent for parameter 'windowSize' is not valid.");
    let number = text.get(..text.len() - 1).filter(|digits| (1..=2).contains(&digits.len())).ok_or_else(bad)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) || number.starts_with('0') {
        return Err(bad());
    }
    let number: u64 = number.parse().map_err(|_| bad())?;
    let (unit, most) = match text.as_bytes().last() {
        Some(b'm') => (Timestamp::MINUTE, 59),
        Some(b'h') => (60 * Timestamp::MINUTE, 23),
        Some(b'd') => (Timestamp::DAY, 7),
        _ => return Err(bad()),
    };
    if number <= most { Ok(number * unit) } else { Err(bad()) }
}

async fn since(app: &App, market: &Market, start: Timestamp) -> Result<TickerReply, Failure> {
    let request = TickerRequest { market: market.symbol().to_owned(), start_us: start.0, ..TickerRequest::default() };
    ask::ticker(app, request).await
}

async fn book(app: &App, market: &Market, ticker: &PushTicker) -> Result<Book, Failure> {
    let top = pictures::top(app, market).await?;
    let last = ask::newest_fills(app, market, 1).await?.pop();
    let none = || market.listing.price(allin_core::num::PriceTicks::NONE);
    Ok(Book {
        prev_close_price: Some(ticker.previous_close.clone()).filter(|text| !text.is_empty()).unwrap_or_else(none),
        last_price: ticker.last.clone(),
        last_qty: last.map_or_else(|| market.listing.qty(0), |deal| deal.qty),
        bid_price: top.bid_price.clone(),
        bid_qty: top.bid_qty.clone(),
        ask_price: top.ask_price.clone(),
        ask_qty: top.ask_qty.clone(),
    })
}

fn of_day(call: &Call, market: &Market, kind: Kind, ticker: PushTicker, book: Option<Book>) -> Ticker {
    let window = TickerReply {
        open_us: ticker.at_us.saturating_sub(Timestamp::DAY),
        close_us: ticker.at_us,
        open: ticker.open,
        high: ticker.high,
        low: ticker.low,
        last: ticker.last,
        volume: ticker.volume,
        quote_volume: ticker.quote_volume,
        trades: ticker.trades,
        first_trade: ticker.first_trade,
        last_trade: ticker.last_trade,
        previous_close: ticker.previous_close,
        as_of_seq: ticker.seq,
    };
    let last_price = if book.is_some() { None } else { Some(window.last.clone()) };
    Ticker { book, last_price, ..of_window(call, market, kind, window) }
}

fn of_window(call: &Call, market: &Market, kind: Kind, ticker: TickerReply) -> Ticker {
    let window =
        Window { open: &ticker.open, last: &ticker.last, volume: &ticker.volume, quote_volume: &ticker.quote_volume };
    let change = (kind == Kind::Full).then(|| {
        let Change { price, percent, weighted_average } = Change::of(market, &window);
        PriceChange { price_change: price, price_change_percent: percent, weighted_avg_price: weighted_average }
    });
    // Ids of trades that there are not.
    let id = |id: u64| if ticker.trades == 0 { -1 } else { i64::try_from(id).unwrap_or(i64::MAX) };
    Ticker {
        symbol: market.symbol().to_owned(),
        change,
        book: None,
        first_id: id(ticker.first_trade),
        last_id: id(ticker.last_trade),
        open_price: ticker.open,
        high_price: ticker.high,
        low_price: ticker.low,
        last_price: Some(ticker.last),
        volume: ticker.volume,
        quote_volume: ticker.quote_volume,
        open_time: call.time(Timestamp(ticker.open_us)),
        close_time: call.time(Timestamp(ticker.close_us)),
        count: ticker.trades,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_sizes() {
        let rows = [
            ("1m", Some(Timestamp::MINUTE)),
            ("59m", Some(59 * Timestamp::MINUTE)),
            ("23h", Some(23 * 60 * Timestamp::MINUTE)),
            ("7d", Some(7 * Timestamp::DAY)),
            ("60m", None),
            ("24h", None),
            ("8d", None),
            ("0m", None),
            ("01m", None),
            ("m", None),
            ("1", None),
            ("1d2h", None),
            ("1w", None),
            ("1é", None),
            ("é", None),
        ];
        for (text, wanted) in rows {
            let params = Params::new([("windowSize".to_owned(), text.to_owned())]).expect("one");
            assert_eq!(window_size(&params).ok(), wanted, "{text}");
        }
    }
}
