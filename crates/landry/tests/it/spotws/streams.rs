//! What each public stream tells, letter by letter.

use allin_core::ids::Timestamp;
use allin_core::spot::command::{Command, Side};
use expect_test::{Expect, expect};

use super::world::{Client, World};
use crate::listed::{ALICE, BOB, done, limit, listed};
use crate::log::Log;

/// A sale of three orders at two prices, and another.
fn trades(log: &Log) {
    for price in [1000, 1000, 1010] {
        done(log, Command::Place(limit(ALICE, Side::Sell, price, 100, "")));
    }
    done(log, Command::Place(limit(BOB, Side::Buy, 1010, 300, "")));
    done(log, Command::Place(limit(BOB, Side::Buy, 990, 100, "")));
    done(log, Command::Place(limit(ALICE, Side::Sell, 990, 50, "")));
}

async fn told(client: &mut Client, count: usize) -> String {
    let mut told = String::new();
    for _ in 0..count {
        told += &client.text().await;
        told.push('\n');
    }
    told
}

async fn check(target: &str, count: usize, expected: Expect) {
    let world = World::new(listed()).await;
    let mut client = world.client(target).await;
    client.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    trades(&world.log);
    expected.assert_eq(&told(&mut client, count).await);
    world.stop().await;
}

#[tokio::test]
async fn trades_one_by_one() {
    check("/ws/btcusdt@trade", 4, expect![[r#"
        {"e":"trade","E":1767323045010,"s":"BTCUSDT","t":1,"p":"10.00000000","q":"0.00100000","T":1767323045008,"m":false,"M":true}
        {"e":"trade","E":1767323045010,"s":"BTCUSDT","t":2,"p":"10.00000000","q":"0.00100000","T":1767323045008,"m":false,"M":true}
        {"e":"trade","E":1767323045010,"s":"BTCUSDT","t":3,"p":"10.10000000","q":"0.00100000","T":1767323045008,"m":false,"M":true}
        {"e":"trade","E":1767323045010,"s":"BTCUSDT","t":4,"p":"9.90000000","q":"0.00050000","T":1767323045010,"m":true,"M":true}
    "#]]).await;
}

#[tokio::test]
async fn trades_in_microseconds() {
    check("/ws/btcusdt@trade?timeUnit=MICROSECOND", 1, expect![[r#"
        {"e":"trade","E":1767323045010000,"s":"BTCUSDT","t":1,"p":"10.00000000","q":"0.00100000","T":1767323045008000,"m":false,"M":true}
    "#]]).await;
}

/// The first trades were before the service began.
#[tokio::test]
async fn numbers_of_aggregate_trades_go_on() {
    let log = listed();
    trades(&log);
    let world = World::new(log).await;
    let mut client = world.client("/ws/btcusdt@aggTrade").await;
    client.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        trades(&world.log);
        for _ in 0..3 {
            let told = client.json().await;
            ids.push(["a", "f", "l"].map(|key| told[key].as_u64().expect("a number")));
        }
    }
    let all = [4, 7, 10].into_iter().zip([5, 9, 13]);
    let wanted = all.flat_map(|(id, trade)| {
        [[id, trade, trade + 1], [id + 1, trade + 2, trade + 2], [id + 2, trade + 3, trade + 3]]
    });
    assert_eq!(ids, wanted.collect::<Vec<_>>());
    world.stop().await;
}

#[tokio::test]
async fn aggregate_trades() {
    check("/stream?streams=btcusdt@aggTrade", 3, expect![[r#"
        {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1767323045010,"s":"BTCUSDT","a":1,"p":"10.00000000","q":"0.00200000","f":1,"l":2,"T":1767323045008,"m":false,"M":true}}
        {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1767323045010,"s":"BTCUSDT","a":2,"p":"10.10000000","q":"0.00100000","f":3,"l":3,"T":1767323045008,"m":false,"M":true}}
        {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1767323045010,"s":"BTCUSDT","a":3,"p":"9.90000000","q":"0.00050000","f":4,"l":4,"T":1767323045010,"m":true,"M":true}}
    "#]]).await;
}

/// After the trades, what streams by the clock tell to one who comes then.
async fn check_present(stream: &str, expected: Expect) {
    let world = World::new(listed()).await;
    trades(&world.log);
    world.log.pass(2 * Timestamp::SECOND);
    world.caught_up().await;
    let mut client = world.client(&format!("/ws/{stream}")).await;
    expected.assert_eq(&told(&mut client, 1).await);
    world.stop().await;
}

#[tokio::test]
async fn tickers() {
    check_present("btcusdt@ticker", expect![[r#"
        {"e":"24hrTicker","E":1767323047010,"s":"BTCUSDT","p":"-0.10000000","P":"-1.000","w":"10.01428571","x":"0.00000000","c":"9.90000000","Q":"0.00050000","b":"9.90000000","B":"0.00050000","a":"0.00000000","A":"0.00000000","o":"10.00000000","h":"10.10000000","l":"9.90000000","v":"0.00350000","q":"0.03505000","O":1767236647010,"C":1767323047010,"F":1,"L":4,"n":4}
    "#]]).await;
    check_present("btcusdt@miniTicker", expect![[r#"
        {"e":"24hrMiniTicker","E":1767323047010,"s":"BTCUSDT","c":"9.90000000","o":"10.00000000","h":"10.10000000","l":"9.90000000","v":"0.00350000","q":"0.03505000"}
    "#]]).await;
    check_present("!miniTicker@arr", expect![[r#"
        [{"e":"24hrMiniTicker","E":1767323047010,"s":"BTCUSDT","c":"9.90000000","o":"10.00000000","h":"10.10000000","l":"9.90000000","v":"0.00350000","q":"0.03505000"}]
    "#]]).await;
    check_present("!ticker@arr", expect![[r#"
        [{"e":"24hrTicker","E":1767323047010,"s":"BTCUSDT","p":"-0.10000000","P":"-1.000","w":"10.01428571","x":"0.00000000","c":"9.90000000","Q":"0.00050000","b":"9.90000000","B":"0.00050000","a":"0.00000000","A":"0.00000000","o":"10.00000000","h":"10.10000000","l":"9.90000000","v":"0.00350000","q":"0.03505000","O":1767236647010,"C":1767323047010,"F":1,"L":4,"n":4}]
    "#]]).await;
}

#[tokio::test]
async fn rolling_windows() {
    check_present("btcusdt@ticker_1h", expect![[r#"
        {"e":"1hTicker","E":1767323047010,"s":"BTCUSDT","p":"-0.10000000","P":"-1.000","o":"10.00000000","h":"10.10000000","l":"9.90000000","c":"9.90000000","w":"10.01428571","v":"0.00350000","q":"0.03505000","O":1767319440000,"C":1767323047010,"F":1,"L":4,"n":4}
    "#]]).await;
    check_present("!ticker_4h@arr", expect![[r#"
        [{"e":"4hTicker","E":1767323047010,"s":"BTCUSDT","p":"-0.10000000","P":"-1.000","o":"10.00000000","h":"10.10000000","l":"9.90000000","c":"9.90000000","w":"10.01428571","v":"0.00350000","q":"0.03505000","O":1767308640000,"C":1767323047010,"F":1,"L":4,"n":4}]
    "#]]).await;
}

#[tokio::test]
async fn average_price() {
    check_present(
        "btcusdt@avgPrice",
        expect![[r#"
        {"e":"avgPrice","E":1767323047010,"s":"BTCUSDT","i":"5m","w":"10.01428571","T":1767323045010}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn candles() {
    check_present("btcusdt@kline_1m", expect![[r#"
        {"e":"kline","E":1767323047010,"s":"BTCUSDT","k":{"t":1767323040000,"T":1767323099999,"s":"BTCUSDT","i":"1m","f":1,"L":4,"o":"10.00000000","c":"9.90000000","h":"10.10000000","l":"9.90000000","v":"0.00350000","n":4,"x":false,"q":"0.03505000","V":"0.00300000","Q":"0.03010000","B":"0"}}
    "#]]).await;
    check_present("btcusdt@kline_1d@+08:00", expect![[r#"
        {"e":"kline","E":1767323047010,"s":"BTCUSDT","k":{"t":1767283200000,"T":1767369599999,"s":"BTCUSDT","i":"1d","f":1,"L":4,"o":"10.00000000","c":"9.90000000","h":"10.10000000","l":"9.90000000","v":"0.00350000","n":4,"x":false,"q":"0.03505000","V":"0.00300000","Q":"0.03010000","B":"0"}}
    "#]]).await;
}

#[tokio::test]
async fn a_bar_is_told_when_it_changes_and_when_it_is_over() {
    let world = World::new(listed()).await;
    let mut client = world.client("/ws/btcusdt@kline_1s").await;
    trades(&world.log);
    world.log.pass(400_000);
    let first = client.json().await;
    assert_eq!((&first["k"]["n"], &first["k"]["x"]), (&4.into(), &false.into()), "{first}");
    trades(&world.log);
    world.log.pass(400_000);
    let more = client.json().await;
    assert_eq!((&more["k"]["n"], &more["k"]["x"], &more["k"]["t"]), (&8.into(), &false.into(), &first["k"]["t"]));
    world.log.pass(Timestamp::SECOND);
    let closed = client.json().await;
    assert_eq!((&closed["k"]["n"], &closed["k"]["x"], &closed["k"]["t"]), (&8.into(), &true.into(), &first["k"]["t"]));
    let next = client.json().await;
    assert_eq!((&next["k"]["n"], &next["k"]["x"], &next["k"]["o"]), (&0.into(), &false.into(), &closed["k"]["c"]));
    assert_eq!(next["k"]["t"].as_u64(), closed["k"]["T"].as_u64().map(|end| end + 1));
    world.stop().await;
}

#[tokio::test]
async fn only_what_changed_is_in_the_arrays() {
    let log = listed();
    done(&log, Command::SetMarket(crate::listed::market(1, "XBTUSDT")));
    let world = World::new(log).await;
    let mut client = world.client("/ws/!miniTicker@arr").await;
    let all = client.json().await;
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
    trades(&world.log);
    let changed = client.json().await;
    assert_eq!(changed.as_array().map(Vec::len), Some(1), "{changed}");
    assert_eq!(changed[0]["s"], "BTCUSDT");
    world.stop().await;
}

#[tokio::test]
async fn a_market_that_is_listed_later_has_streams_too() {
    let world = World::new(listed()).await;
    let mut all = world.client("/ws/!bookTicker").await;
    assert_eq!(all.json().await["s"], "BTCUSDT");
    done(&world.log, Command::SetMarket(crate::listed::market(1, "XBTUSDT")));
    assert_eq!(all.json().await["s"], "XBTUSDT");
    let mut depth = world.client("/ws/xbtusdt@depth5").await;
    assert_eq!(depth.json().await["bids"], serde_json::json!([]));
    world.stop().await;
}
