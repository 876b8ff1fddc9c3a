//! Every public stream.

use std::collections::HashSet;

use allin_core::spot::command::{Command, Side};
use serde_json::json;

use super::faults;
use crate::listed::{ALICE, BOB, done, limit, listed};
use crate::spotws::world::World;

const MINI: &str = "{e:s E:i s:s c:d o:d h:d l:d v:d q:d}";
const TICKER: &str = "{e:s E:i s:s p:d P:d w:d x:d c:d Q:d b:d B:d a:d A:d o:d h:d l:d v:d q:d O:i C:i F:i L:i n:i}";
const WINDOW: &str = "{e:s E:i s:s p:d P:d o:d h:d l:d c:d w:d v:d q:d O:i C:i F:i L:i n:i}";
const KLINE: &str = "{e:s E:i s:s k:{t:i T:i s:s i:s f:i L:i o:d c:d h:d l:d v:d n:i x:b q:d V:d Q:d B:d}}";
const BEST: &str = "{u:i s:s b:d B:d a:d A:d}";
const PARTIAL: &str = "{lastUpdateId:i bids:[(d d)]? asks:[(d d)]?}";
const DIFF: &str = "{e:s E:i s:s U:i u:i b:[(d d)]? a:[(d d)]?}";

const STREAMS: [(&str, &str); 20] = [
    ("btcusdt@trade", "{e:s E:i s:s t:i p:d q:d T:i m:b M:b}"),
    ("btcusdt@aggTrade", "{e:s E:i s:s a:i p:d q:d f:i l:i T:i m:b M:b}"),
    ("btcusdt@kline_1s", KLINE),
    ("btcusdt@kline_1m", KLINE),
    ("btcusdt@kline_1d@+08:00", KLINE),
    ("btcusdt@miniTicker", MINI),
    ("btcusdt@ticker", TICKER),
    ("btcusdt@ticker_1h", WINDOW),
    ("btcusdt@ticker_4h", WINDOW),
    ("btcusdt@ticker_1d", WINDOW),
    ("btcusdt@bookTicker", BEST),
    ("btcusdt@avgPrice", "{e:s E:i s:s i:s w:d T:i}"),
    ("btcusdt@depth5", PARTIAL),
    ("btcusdt@depth10@100ms", PARTIAL),
    ("btcusdt@depth20", PARTIAL),
    ("btcusdt@depth", DIFF),
    ("btcusdt@depth@100ms", DIFF),
    ("!miniTicker@arr", "miniTickers"),
    ("!ticker@arr", "tickers"),
    ("!ticker_1h@arr", "windows"),
];

fn shape(name: &str) -> String {
    match name {
        "miniTickers" => format!("[{MINI}]"),
        "tickers" => format!("[{TICKER}]"),
        "windows" => format!("[{WINDOW}]"),
        own => own.to_owned(),
    }
}

#[tokio::test]
async fn events_of_every_stream() {
    let world = World::new(listed()).await;
    let names: Vec<&str> = STREAMS.iter().map(|(name, _)| *name).collect();
    let mut client = world.client("/stream").await;
    let asked = client.answer(&json!({ "method": "SUBSCRIBE", "params": names, "id": 1 }).to_string()).await;
    assert_eq!(asked, r#"{"result":null,"id":1}"#);
    let mut missing: HashSet<&str> = names.into_iter().collect();
    let mut price = 1000;
    while !missing.is_empty() {
        // Something new for whatever waits for that.
        price += 1;
        done(&world.log, Command::Place(limit(ALICE, Side::Sell, price, 100, "")));
        done(&world.log, Command::Place(limit(BOB, Side::Buy, price, 50, "")));
        world.log.pass(400_000);
        let event = client.json().await;
        assert_eq!(faults(&event, "{stream:s data:o|[o]}"), [""; 0], "{event}");
        let name = event["stream"].as_str().expect("a stream");
        let (name, own) = STREAMS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{event}"));
        assert_eq!(faults(&event["data"], &shape(own)), [""; 0], "{name}: {event}");
        missing.remove(name);
    }
    for (request, wanted) in [
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#, "{result:[s] id:i}"),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":"x"}"#, "{result:b id:s}"),
        (r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":null}"#, "{result:n id:n}"),
        (r#"{"method":"SUBSCRIBES","params":[],"id":5}"#, "{code:i msg:s id:i|n}"),
    ] {
        let answer = serde_json::from_str(&client.answer(request).await).expect("JSON");
        assert_eq!(faults(&answer, wanted), [""; 0], "{request}: {answer}");
    }
    world.stop().await;
}
