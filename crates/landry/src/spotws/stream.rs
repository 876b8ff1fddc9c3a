//! Names of streams (Binance Spot, "WebSocket Streams", detailed stream information).

use allin_core::candles::{Interval, Offset};
use allin_core::ids::MarketId;
use allin_exchange::catalog::Catalog;

/// Longest name that is looked at: of listen keys too.
pub(super) const NAME_MAX: usize = 128;

/// How often a book is told. What is told is the same for the first two; the name is not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Speed {
    /// Not named: a second.
    Plain,
    Ms1000,
    Ms100,
}

/// How often all tickers are to be told, by name. It is every second anyway; each name is told as it was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Every {
    Plain,
    Ms1000,
    Ms3000,
}

/// The rolling windows that have a stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Window {
    H1,
    H4,
    D1,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stream {
    AggTrade(MarketId),
    Trade(MarketId),
    /// The offset is part of the name only when it is given.
    Kline(MarketId, Interval, Option<Offset>),
    MiniTicker(MarketId),
    Ticker(MarketId),
    Window(MarketId, Window),
    BookTicker(MarketId),
    AvgPrice(MarketId),
    Depth(MarketId, Speed),
    Partial(MarketId, u8, Speed),
    AllMiniTickers(Every),
    AllTickers(Every),
    AllWindows(Window),
    AllBookTickers,
}

/// Levels of partial books.
pub(super) const PARTIAL_LEVELS: [u8; 3] = [5, 10, 20];

impl Speed {
    pub const ALL: [Speed; 3] = [Speed::Plain, Speed::Ms1000, Speed::Ms100];

    pub fn is_fast(self) -> bool {
        self == Speed::Ms100
    }

    fn suffix(self) -> &'static str {
        match self {
            Speed::Plain => "",
            Speed::Ms1000 => "@1000ms",
            Speed::Ms100 => "@100ms",
        }
    }

    fn of_suffix(text: &str) -> Option<Speed> {
        Speed::ALL.into_iter().find(|speed| speed.suffix() == text)
    }
}

impl Every {
    pub const ALL: [Every; 3] = [Every::Plain, Every::Ms1000, Every::Ms3000];

    fn suffix(self) -> &'static str {
        match self {
            Every::Plain => "",
            Every::Ms1000 => "@1000ms",
            Every::Ms3000 => "@3000ms",
        }
    }
}

impl Window {
    pub const ALL: [Window; 3] = [Window::H1, Window::H4, Window::D1];

    pub fn name(self) -> &'static str {
        match self {
            Window::H1 => "1h",
            Window::H4 => "4h",
            Window::D1 => "1d",
        }
    }

    pub fn minutes(self) -> u64 {
        match self {
            Window::H1 => 60,
            Window::H4 => 240,
            Window::D1 => 1440,
        }
    }

    fn from_name(name: &str) -> Option<Window> {
        Window::ALL.into_iter().find(|window| window.name() == name)
    }
}

impl Stream {
    /// None for what is no stream, or of no market. The market's letters may be large or small.
    pub fn parse(name: &str, catalog: &Catalog) -> Option<Stream> {
        if name.len() > NAME_MAX {
            return None;
        }
        if let Some(all) = name.strip_prefix('!') {
            return match all {
                "bookTicker" => Some(Stream::AllBookTickers),
                _ => all_tickers(all),
            };
        }
        let (symbol, kind) = name.split_once('@')?;
        let market = catalog.listing_by_symbol(&symbol.to_ascii_uppercase())?.market;
        match kind {
            "aggTrade" => return Some(Stream::AggTrade(market)),
            "trade" => return Some(Stream::Trade(market)),
            "miniTicker" => return Some(Stream::MiniTicker(market)),
            "ticker" => return Some(Stream::Ticker(market)),
            "bookTicker" => return Some(Stream::BookTicker(market)),
            "avgPrice" => return Some(Stream::AvgPrice(market)),
            _ => {}
        }
        if let Some(window) = kind.strip_prefix("ticker_") {
            return Window::from_name(window).map(|window| Stream::Window(market, window));
        }
        if let Some(interval) = kind.strip_prefix("kline_") {
            return kline(market, interval);
        }
        let rest = kind.strip_prefix("depth")?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (levels, speed) = rest.split_at(digits);
        let speed = Speed::of_suffix(speed)?;
        if levels.is_empty() {
            return Some(Stream::Depth(market, speed));
        }
        let levels = PARTIAL_LEVELS.into_iter().find(|known| known.to_string() == levels)?;
        Some(Stream::Partial(market, levels, speed))
    }

    /// As it is told in the combined form.
    pub fn name(self, catalog: &Catalog) -> String {
        let of = |market: MarketId, kind: &str| {
            let symbol = catalog.listing(market).map(|listing| listing.symbol.as_str().to_ascii_lowercase());
            format!("{}@{kind}", symbol.unwrap_or_default())
        };
        match self {
            Stream::AggTrade(market) => of(market, "aggTrade"),
            Stream::Trade(market) => of(market, "trade"),
            Stream::Kline(market, interval, offset) => {
                let offset = offset.map(offset_name).unwrap_or_default();
                of(market, &format!("kline_{}{offset}", interval.name()))
            }
            Stream::MiniTicker(market) => of(market, "miniTicker"),
            Stream::Ticker(market) => of(market, "ticker"),
            Stream::Window(market, window) => of(market, &format!("ticker_{}", window.name())),
            Stream::BookTicker(market) => of(market, "bookTicker"),
            Stream::AvgPrice(market) => of(market, "avgPrice"),
            Stream::Depth(market, speed) => of(market, &format!("depth{}", speed.suffix())),
            Stream::Partial(market, levels, speed) => of(market, &format!("depth{levels}{}", speed.suffix())),
            Stream::AllMiniTickers(every) => format!("!miniTicker@arr{}", every.suffix()),
            Stream::AllTickers(every) => format!("!ticker@arr{}", every.suffix()),
            Stream::AllWindows(window) => format!("!ticker_{}@arr", window.name()),
            Stream::AllBookTickers => "!bookTicker".to_owned(),
        }
    }

    /// The market whose book it is made from.
    pub fn book(self) -> Option<MarketId> {
        match self {
            Stream::BookTicker(market) | Stream::Depth(market, _) | Stream::Partial(market, ..) => Some(market),
            _ => None,
        }
    }
}

/// What follows the `!`.
fn all_tickers(name: &str) -> Option<Stream> {
    let (kind, every) = name.split_once("@arr")?;
    let every = Every::ALL.into_iter().find(|known| known.suffix() == every)?;
    match kind {
        "miniTicker" => Some(Stream::AllMiniTickers(every)),
        "ticker" => Some(Stream::AllTickers(every)),
        _ if every == Every::Plain => Window::from_name(kind.strip_prefix("ticker_")?).map(Stream::AllWindows),
        _ => None,
    }
}

fn kline(market: MarketId, text: &str) -> Option<Stream> {
    let (interval, offset) = match text.split_once('@') {
        Some((interval, offset)) => (interval, Some(parse_offset(offset)?)),
        None => (text, None),
    };
    Some(Stream::Kline(market, Interval::from_name(interval)?, offset))
}

/// `+08:00`
fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |text: &str| -> Option<i32> {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if minutes >= 60 {
        return None;
    }
    let offset = Offset::minutes(sign * (hours * 60 + minutes))?;
    // `-00:00` would be a second name of the same.
    (offset_name(offset) == format!("@{text}")).then_some(offset)
}

fn offset_name(offset: Offset) -> String {
    let minutes = offset.as_minutes();
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("@{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use allin_core::ids::AssetId;
    use allin_core::spot::event::Event;
    use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
    use allin_core::text::Symbol;

    use super::*;

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        for (id, symbol) in ["BTC", "USDT"].into_iter().enumerate() {
            let symbol = Symbol::new(symbol).expect("short");
            catalog.apply(&Event::AssetSet(AssetSpec { id: AssetId(id as u32), symbol, scale: 8, display_scale: 8 }));
        }
        catalog.apply(&Event::MarketSet(MarketSpec {
            id: MarketId(0),
            symbol: Symbol::new("BTCUSDT").expect("short"),
            base: AssetId(0),
            quote: AssetId(1),
            price_scale: 2,
            tick_units: 1,
            qty_scale: 5,
            lot_units: 1,
            filters: Filters::OPEN,
        }));
        catalog
    }

    #[test]
    fn names_are_read_and_written() {
        let catalog = catalog();
        let names = [
            "aggTrade",
            "trade",
            "miniTicker",
            "ticker",
            "ticker_1h",
            "ticker_4h",
            "ticker_1d",
            "bookTicker",
            "avgPrice",
            "depth",
            "depth@100ms",
            "depth@1000ms",
            "depth5",
            "depth10",
            "depth20",
            "depth5@100ms",
            "depth20@1000ms",
            "kline_1s",
            "kline_1M",
            "kline_1m",
            "kline_1d@+08:00",
            "kline_1w@-03:30",
            "kline_1d@+00:00",
        ];
        let all = [
            "!miniTicker@arr",
            "!miniTicker@arr@1000ms",
            "!miniTicker@arr@3000ms",
            "!ticker@arr",
            "!ticker@arr@1000ms",
            "!ticker@arr@3000ms",
            "!ticker_1h@arr",
            "!ticker_4h@arr",
            "!ticker_1d@arr",
            "!bookTicker",
        ];
        let own = names.iter().map(|kind| format!("btcusdt@{kind}")).chain(all.map(str::to_owned));
        for name in own {
            let stream = Stream::parse(&name, &catalog).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(stream.name(&catalog), name);
        }
        let large = Stream::parse("BTCUSDT@trade", &catalog).expect("any letters");
        assert_eq!(large.name(&catalog), "btcusdt@trade");
    }

    #[test]
    fn what_is_no_stream() {
        let catalog = catalog();
        let names = [
            "",
            "0",
            "btcusdt",
            "btcusdt@",
            "@trade",
            "ethusdt@trade",
            "btcusdt@Trade",
            "btcusdt@depth7",
            "btcusdt@depth05",
            "btcusdt@depth@250ms",
            "btcusdt@depth5@",
            "btcusdt@kline_2m",
            "btcusdt@kline_",
            "btcusdt@kline_1d@08:00",
            "btcusdt@kline_1d@+8:00",
            "btcusdt@kline_1d@+15:00",
            "btcusdt@kline_1d@+08:60",
            "btcusdt@kline_1d@-00:00",
            "btcusdt@ticker_2h",
            "!ticker_2h@arr",
            "!ticker",
            "!ticker@arr@",
            "!ticker@arr@2000ms",
            "!ticker_1h@arr@1000ms",
            "!@arr",
            "!",
            "!bookTicker@arr",
            "btcusdt@referencePrice",
            "btcusdt@kline_1d@é",
            "btcusdt@trade@100ms",
        ];
        for name in names {
            assert_eq!(Stream::parse(name, &catalog), None, "{name}");
        }
        assert_eq!(Stream::parse(&"x".repeat(1000), &catalog), None);
    }
}
