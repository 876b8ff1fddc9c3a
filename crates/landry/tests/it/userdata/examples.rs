//! What is told of each thing that can happen to an order, letter by letter.

use std::time::Duration;

use allin_core::ids::{OrderId, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{
    CancelOnly, Command, Funding, ListOrders, NewList, NewOrder, OrderKind, OrderRef, Side, StpMode, TimeInForce,
};
use allin_core::text::{ClientId, Label};
use allin_landry::spotapi::call::TimeUnit;
use expect_test::{Expect, expect};

use super::start;
use crate::listed::{ALICE, BOB, MARKET, cancel, done, limit, listed};

/// Tells Alice what happens when the commands are done, after `before`.
async fn check_in(unit: TimeUnit, before: Vec<Command>, commands: Vec<Command>, expected: Expect) {
    let log = listed();
    let (data, running) = start(&log);
    before.into_iter().for_each(|command| done(&log, command));
    let mut events = data.subscribe(ALICE, unit).await.expect("begins");
    commands.into_iter().for_each(|command| done(&log, command));
    // The mark after which nothing more comes.
    crate::listed::fund(&log, ALICE, 0, 77, "mark");
    let mut told = String::new();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await.expect("in time");
        let event = String::from_utf8(event.expect("goes on").to_vec()).expect("text");
        if event.contains("\"d\":\"77.00000000\"") {
            break;
        }
        told += &event;
        told.push('\n');
    }
    expected.assert_eq(&told);
    running.stop().await.expect("stops");
}

async fn check(before: Vec<Command>, commands: Vec<Command>, expected: Expect) {
    check_in(TimeUnit::Milliseconds, before, commands, expected).await;
}

fn place(order: NewOrder) -> Command {
    Command::Place(order)
}

fn stop(user: UserId, side: Side, price: u64, qty: u64, client_id: &str) -> NewOrder {
    let order = NewOrder { kind: OrderKind::StopLoss, price: PriceTicks::NONE, ..limit(user, side, 1, qty, client_id) };
    NewOrder { stop_price: PriceTicks(price), ..order }
}

#[tokio::test]
async fn an_order_from_its_placing_to_its_cancel() {
    let order = NewOrder { strategy_id: 7, strategy_type: 1_000_001, ..limit(ALICE, Side::Buy, 1000, 500_000, "mine") };
    let taker = limit(BOB, Side::Sell, 900, 200_000, "");
    check(vec![], vec![place(order), place(taker), cancel(ALICE, 1)], expect![[r#"
        {"e":"executionReport","E":1767323045008,"s":"BTCUSDT","c":"mine","S":"BUY","o":"LIMIT","f":"GTC","q":"5.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045005,"t":-1,"I":9216,"w":true,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE","j":7,"J":1000001}
        {"e":"outboundAccountPosition","E":1767323045008,"u":1767323045005,"B":[{"a":"USDT","f":"999950.00000000","l":"50.00000000"}]}
        {"e":"executionReport","E":1767323045008,"s":"BTCUSDT","c":"mine","S":"BUY","o":"LIMIT","f":"GTC","q":"5.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":1,"l":"2.00000000","z":"2.00000000","L":"10.00000000","n":"0.00200000","N":"BTC","T":1767323045006,"t":1,"I":10240,"w":true,"m":true,"M":false,"O":1767323045005,"Z":"20.00000000","Y":"20.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE","j":7,"J":1000001}
        {"e":"outboundAccountPosition","E":1767323045008,"u":1767323045006,"B":[{"a":"BTC","f":"11.99800000","l":"0.00000000"},{"a":"USDT","f":"999950.00000000","l":"30.00000000"}]}
        {"e":"executionReport","E":1767323045008,"s":"BTCUSDT","c":"ix7sIa0EvS4TuquwcuWlS2","S":"BUY","o":"LIMIT","f":"GTC","q":"5.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"mine","x":"CANCELED","X":"CANCELED","r":"NONE","i":1,"l":"0.00000000","z":"2.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045007,"t":-1,"I":11264,"w":false,"m":false,"M":false,"O":1767323045005,"Z":"20.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE","j":7,"J":1000001}
        {"e":"outboundAccountPosition","E":1767323045008,"u":1767323045007,"B":[{"a":"USDT","f":"999980.00000000","l":"0.00000000"}]}
    "#]]).await;
}

/// What a countdown ends in the command of a cancel has an id of ours.
#[tokio::test]
async fn a_cancel_gives_its_id_to_what_it_cancels_alone() {
    let log = listed();
    let (data, running) = start(&log);
    let mut events = data.subscribe(ALICE, TimeUnit::Milliseconds).await.expect("begins");
    done(&log, place(limit(ALICE, Side::Buy, 900, 100_000, "timed")));
    done(&log, place(limit(ALICE, Side::Buy, 1000, 100_000, "named")));
    done(&log, Command::Countdown { user: ALICE, market: MARKET, timeout_us: 1500 });
    done(&log, place(limit(ALICE, Side::Buy, 800, 100_000, "late")));
    let cancel_id = ClientId::new("mine").expect("short");
    // Time passes by a millisecond: the countdown is over, and the cancel finds nothing.
    log.pass(1000);
    let order = OrderRef::Client(ClientId::new("named").expect("short"));
    log.apply(Command::Cancel { user: ALICE, market: MARKET, order, only: CancelOnly::Any, cancel_id });
    let mut told = Vec::new();
    while told.len() < 3 {
        let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await.expect("in time");
        let event: serde_json::Value = serde_json::from_slice(&event.expect("goes on")).expect("JSON");
        if event["x"] == "CANCELED" {
            told.push(event["c"].as_str().expect("text").to_owned());
        }
    }
    assert!(told.iter().all(|id| id.len() == 22 && *id == told[0]), "{told:?}");
    running.stop().await.expect("stops");
}

#[tokio::test]
async fn times_in_microseconds() {
    let order = limit(ALICE, Side::Buy, 1000, 500_000, "mine");
    check_in(TimeUnit::Microseconds, vec![], vec![place(order)], expect![[r#"
        {"e":"executionReport","E":1767323045006000,"s":"BTCUSDT","c":"mine","S":"BUY","o":"LIMIT","f":"GTC","q":"5.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045005000,"t":-1,"I":9216,"w":true,"m":false,"M":false,"O":1767323045005000,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005000,"V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045006000,"u":1767323045005000,"B":[{"a":"USDT","f":"999950.00000000","l":"50.00000000"}]}
    "#]]).await;
}

#[tokio::test]
async fn takers_and_their_remainders() {
    let maker = || place(limit(BOB, Side::Sell, 1000, 100_000, ""));
    let market = NewOrder {
        client_id: ClientId::new("m").expect("short"),
        ..NewOrder::market(ALICE, MARKET, Side::Buy, QtyLots(150_000))
    };
    let by_quote = NewOrder { qty: QtyLots(0), quote_amount: 555_000_000, client_id: ClientId::EMPTY, ..market };
    let ioc = NewOrder { tif: TimeInForce::Ioc, ..limit(ALICE, Side::Buy, 1000, 150_000, "ioc") };
    let fok = NewOrder { tif: TimeInForce::Fok, ..limit(ALICE, Side::Buy, 1000, 150_000, "fok") };
    let commands = vec![place(market), maker(), place(by_quote), place(ioc), place(fok)];
    check(vec![maker()], commands, expect![[r#"
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"m","S":"BUY","o":"MARKET","f":"GTC","q":"1.50000000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"I":10240,"w":true,"m":false,"M":false,"O":1767323045006,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045006,"V":"NONE"}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"m","S":"BUY","o":"MARKET","f":"GTC","q":"1.50000000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":2,"l":"1.00000000","z":"1.00000000","L":"10.00000000","n":"0.00100000","N":"BTC","T":1767323045006,"t":1,"I":10241,"w":true,"m":false,"M":false,"O":1767323045006,"Z":"10.00000000","Y":"10.00000000","Q":"0.00000000","W":1767323045006,"V":"NONE"}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"m","S":"BUY","o":"MARKET","f":"GTC","q":"1.50000000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"EXPIRED","X":"EXPIRED","r":"NONE","i":2,"l":"0.00000000","z":"1.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"I":10242,"w":false,"m":false,"M":false,"O":1767323045006,"Z":"10.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045006,"V":"NONE","eR":"INSUFFICIENT_LIQUIDITY"}
        {"e":"outboundAccountPosition","E":1767323045011,"u":1767323045006,"B":[{"a":"BTC","f":"10.99900000","l":"0.00000000"},{"a":"USDT","f":"999990.00000000","l":"0.00000000"}]}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"","S":"BUY","o":"MARKET","f":"GTC","q":"0.55500000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":4,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045008,"t":-1,"I":12288,"w":true,"m":false,"M":false,"O":1767323045008,"Z":"0.00000000","Y":"0.00000000","Q":"5.55000000","W":1767323045008,"V":"NONE"}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"","S":"BUY","o":"MARKET","f":"GTC","q":"0.55500000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":4,"l":"0.55500000","z":"0.55500000","L":"10.00000000","n":"0.00055500","N":"BTC","T":1767323045008,"t":2,"I":12289,"w":false,"m":false,"M":false,"O":1767323045008,"Z":"5.55000000","Y":"5.55000000","Q":"5.55000000","W":1767323045008,"V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045011,"u":1767323045008,"B":[{"a":"BTC","f":"11.55344500","l":"0.00000000"},{"a":"USDT","f":"999984.45000000","l":"0.00000000"}]}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"ioc","S":"BUY","o":"LIMIT","f":"IOC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":5,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045009,"t":-1,"I":13312,"w":true,"m":false,"M":false,"O":1767323045009,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045009,"V":"NONE"}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"ioc","S":"BUY","o":"LIMIT","f":"IOC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":5,"l":"0.44500000","z":"0.44500000","L":"10.00000000","n":"0.00044500","N":"BTC","T":1767323045009,"t":3,"I":13313,"w":true,"m":false,"M":false,"O":1767323045009,"Z":"4.45000000","Y":"4.45000000","Q":"0.00000000","W":1767323045009,"V":"NONE"}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"ioc","S":"BUY","o":"LIMIT","f":"IOC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"EXPIRED","X":"EXPIRED","r":"NONE","i":5,"l":"0.00000000","z":"0.44500000","L":"0.00000000","n":"0","N":null,"T":1767323045009,"t":-1,"I":13314,"w":false,"m":false,"M":false,"O":1767323045009,"Z":"4.45000000","Y":"0.00000000","Q":"0.00000000","W":1767323045009,"V":"NONE","eR":"UNFILLED_IOC_QUANTITY_EXPIRED"}
        {"e":"outboundAccountPosition","E":1767323045011,"u":1767323045009,"B":[{"a":"BTC","f":"11.99800000","l":"0.00000000"},{"a":"USDT","f":"999980.00000000","l":"0.00000000"}]}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"fok","S":"BUY","o":"LIMIT","f":"FOK","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":6,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045010,"t":-1,"I":14336,"w":true,"m":false,"M":false,"O":1767323045010,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045010,"V":"NONE"}
        {"e":"executionReport","E":1767323045011,"s":"BTCUSDT","c":"fok","S":"BUY","o":"LIMIT","f":"FOK","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"EXPIRED","X":"EXPIRED","r":"NONE","i":6,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045010,"t":-1,"I":14337,"w":false,"m":false,"M":false,"O":1767323045010,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045010,"V":"NONE","eR":"UNFILLED_FOK_ORDER_EXPIRED"}
        {"e":"outboundAccountPosition","E":1767323045011,"u":1767323045010,"B":[{"a":"USDT","f":"999980.00000000","l":"0.00000000"}]}
    "#]]).await;
}

#[tokio::test]
async fn amended_moved_and_reduced() {
    let order = || OrderRef::Id(OrderId(1));
    let commands = vec![
        Command::Amend {
            user: ALICE,
            market: MARKET,
            order: order(),
            qty: QtyLots(400_000),
            client_id: ClientId::EMPTY,
        },
        Command::Move { user: ALICE, market: MARKET, order: order(), price: PriceTicks(1100) },
        Command::Reduce { user: ALICE, market: MARKET, order: order(), by: QtyLots(100_000) },
    ];
    check(vec![place(limit(ALICE, Side::Buy, 1000, 500_000, "mine"))], commands, expect![[r#"
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"mine","S":"BUY","o":"LIMIT","f":"GTC","q":"4.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"mine","x":"REPLACED","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"I":10240,"w":true,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045006,"B":[{"a":"USDT","f":"999960.00000000","l":"40.00000000"}]}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"mine","S":"BUY","o":"LIMIT","f":"GTC","q":"4.00000000","p":"11.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"mine","x":"REPLACED","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045007,"t":-1,"I":11264,"w":true,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045007,"B":[{"a":"USDT","f":"999956.00000000","l":"44.00000000"}]}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"mine","S":"BUY","o":"LIMIT","f":"GTC","q":"3.00000000","p":"11.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"mine","x":"REPLACED","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045008,"t":-1,"I":12288,"w":true,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045008,"B":[{"a":"USDT","f":"999967.00000000","l":"33.00000000"}]}
    "#]]).await;
}

#[tokio::test]
async fn self_trade_prevention() {
    let maker = || place(limit(ALICE, Side::Sell, 1000, 100_000, "maker"));
    let taker = |mode| {
        place(NewOrder { stp: mode, client_id: ClientId::EMPTY, ..limit(ALICE, Side::Buy, 1000, 150_000, "taker") })
    };
    let commands = vec![taker(StpMode::Decrement), cancel(ALICE, 2), maker(), taker(StpMode::ExpireBoth)];
    let renamed = place(limit(ALICE, Side::Sell, 1000, 100_000, "first"));
    check(vec![renamed], commands, expect![[r#"
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"","S":"BUY","o":"LIMIT","f":"GTC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"I":10240,"w":true,"m":false,"M":false,"O":1767323045006,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045006,"V":"DECREMENT"}
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"first","S":"SELL","o":"LIMIT","f":"GTC","q":"1.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE_PREVENTION","X":"EXPIRED_IN_MATCH","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"v":640,"I":10241,"w":false,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE","A":"1.00000000","B":"1.00000000","u":-1,"U":2,"Cs":"BTCUSDT","pl":"1.00000000","pL":"10.00000000","pY":"10.00000000"}
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"","S":"BUY","o":"LIMIT","f":"GTC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE_PREVENTION","X":"NEW","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"v":640,"I":10242,"w":true,"m":false,"M":false,"O":1767323045006,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045006,"V":"DECREMENT","A":"1.00000000","B":"1.00000000","u":-1,"U":1,"Cs":"BTCUSDT","pl":"1.00000000","pL":"10.00000000","pY":"10.00000000"}
        {"e":"outboundAccountPosition","E":1767323045010,"u":1767323045006,"B":[{"a":"BTC","f":"10.00000000","l":"0.00000000"},{"a":"USDT","f":"999995.00000000","l":"5.00000000"}]}
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"ix7sIa0EvS4TuquwcuWlS2","S":"BUY","o":"LIMIT","f":"GTC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"CANCELED","X":"CANCELED","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045007,"t":-1,"I":11264,"w":false,"m":false,"M":false,"O":1767323045006,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045006,"V":"DECREMENT","A":"1.00000000"}
        {"e":"outboundAccountPosition","E":1767323045010,"u":1767323045007,"B":[{"a":"USDT","f":"1000000.00000000","l":"0.00000000"}]}
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"maker","S":"SELL","o":"LIMIT","f":"GTC","q":"1.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":3,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045008,"t":-1,"I":12288,"w":true,"m":false,"M":false,"O":1767323045008,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045008,"V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045010,"u":1767323045008,"B":[{"a":"BTC","f":"9.00000000","l":"1.00000000"}]}
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"","S":"BUY","o":"LIMIT","f":"GTC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":4,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045009,"t":-1,"I":13312,"w":true,"m":false,"M":false,"O":1767323045009,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045009,"V":"EXPIRE_BOTH"}
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"maker","S":"SELL","o":"LIMIT","f":"GTC","q":"1.00000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE_PREVENTION","X":"EXPIRED_IN_MATCH","r":"NONE","i":3,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045009,"t":-1,"v":832,"I":13313,"w":false,"m":false,"M":false,"O":1767323045008,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045008,"V":"NONE","A":"1.00000000","B":"1.00000000","u":-1,"U":4,"Cs":"BTCUSDT","pl":"1.00000000","pL":"10.00000000","pY":"10.00000000"}
        {"e":"executionReport","E":1767323045010,"s":"BTCUSDT","c":"","S":"BUY","o":"LIMIT","f":"GTC","q":"1.50000000","p":"10.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE_PREVENTION","X":"EXPIRED_IN_MATCH","r":"NONE","i":4,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045009,"t":-1,"v":832,"I":13314,"w":false,"m":false,"M":false,"O":1767323045009,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045009,"V":"EXPIRE_BOTH","A":"1.50000000","B":"1.50000000","u":-1,"U":3,"Cs":"BTCUSDT","pl":"1.00000000","pL":"10.00000000","pY":"10.00000000"}
        {"e":"outboundAccountPosition","E":1767323045010,"u":1767323045009,"B":[{"a":"BTC","f":"10.00000000","l":"0.00000000"},{"a":"USDT","f":"1000000.00000000","l":"0.00000000"}]}
    "#]]).await;
}

#[tokio::test]
async fn lists() {
    let id = |text| ClientId::new(text).expect("short");
    let above = NewOrder { kind: OrderKind::LimitMaker, ..limit(ALICE, Side::Sell, 2000, 100_000, "above") };
    let below = stop(ALICE, Side::Sell, 500, 100_000, "below");
    let oco = NewList { client_id: id("pair"), orders: ListOrders::Oco { above, below } };
    let working = limit(ALICE, Side::Buy, 900, 100_000, "working");
    let pending = limit(ALICE, Side::Sell, 3000, 100_000, "pending");
    let oto = NewList { client_id: id("chain"), orders: ListOrders::Oto { working, pending } };
    let commands = vec![
        Command::PlaceList(Box::new(oco)),
        place(limit(BOB, Side::Buy, 2000, 100_000, "")),
        Command::PlaceList(Box::new(oto)),
        place(limit(BOB, Side::Sell, 900, 100_000, "")),
    ];
    check(vec![], commands, expect![[r#"
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"above","S":"SELL","o":"LIMIT_MAKER","f":"GTC","q":"1.00000000","p":"20.00000000","P":"0.00000000","F":"0.00000000","g":1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045005,"t":-1,"I":9216,"w":true,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE"}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"below","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"5.00000000","F":"0.00000000","g":1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045005,"t":-1,"I":9217,"w":false,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","V":"NONE"}
        {"e":"listStatus","E":1767323045009,"s":"BTCUSDT","g":1,"c":"OCO","l":"EXEC_STARTED","L":"EXECUTING","r":"NONE","C":"pair","T":1767323045005,"O":[{"s":"BTCUSDT","i":1,"c":"above"},{"s":"BTCUSDT","i":2,"c":"below"}]}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045005,"B":[{"a":"BTC","f":"9.00000000","l":"1.00000000"}]}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"below","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"5.00000000","F":"0.00000000","g":1,"C":"","x":"EXPIRED","X":"EXPIRED","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"I":10240,"w":false,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","V":"NONE","eR":"OCO_TRIGGER"}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"above","S":"SELL","o":"LIMIT_MAKER","f":"GTC","q":"1.00000000","p":"20.00000000","P":"0.00000000","F":"0.00000000","g":1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":1,"l":"1.00000000","z":"1.00000000","L":"20.00000000","n":"0.02000000","N":"USDT","T":1767323045006,"t":1,"I":10241,"w":false,"m":true,"M":false,"O":1767323045005,"Z":"20.00000000","Y":"20.00000000","Q":"0.00000000","W":1767323045005,"V":"NONE"}
        {"e":"listStatus","E":1767323045009,"s":"BTCUSDT","g":1,"c":"OCO","l":"ALL_DONE","L":"ALL_DONE","r":"NONE","C":"pair","T":1767323045006,"O":[{"s":"BTCUSDT","i":1,"c":"above"},{"s":"BTCUSDT","i":2,"c":"below"}]}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045006,"B":[{"a":"BTC","f":"9.00000000","l":"0.00000000"},{"a":"USDT","f":"1000019.98000000","l":"0.00000000"}]}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"working","S":"BUY","o":"LIMIT","f":"GTC","q":"1.00000000","p":"9.00000000","P":"0.00000000","F":"0.00000000","g":2,"C":"","x":"NEW","X":"NEW","r":"NONE","i":4,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045007,"t":-1,"I":11264,"w":true,"m":false,"M":false,"O":1767323045007,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045007,"V":"NONE"}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"pending","S":"SELL","o":"LIMIT","f":"GTC","q":"1.00000000","p":"30.00000000","P":"0.00000000","F":"0.00000000","g":2,"C":"","x":"NEW","X":"PENDING_NEW","r":"NONE","i":5,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045007,"t":-1,"I":11265,"w":false,"m":false,"M":false,"O":1767323045007,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","V":"NONE"}
        {"e":"listStatus","E":1767323045009,"s":"BTCUSDT","g":2,"c":"OTO","l":"EXEC_STARTED","L":"EXECUTING","r":"NONE","C":"chain","T":1767323045007,"O":[{"s":"BTCUSDT","i":4,"c":"working"},{"s":"BTCUSDT","i":5,"c":"pending"}]}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045007,"B":[{"a":"USDT","f":"1000010.98000000","l":"9.00000000"}]}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"working","S":"BUY","o":"LIMIT","f":"GTC","q":"1.00000000","p":"9.00000000","P":"0.00000000","F":"0.00000000","g":2,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":4,"l":"1.00000000","z":"1.00000000","L":"9.00000000","n":"0.00100000","N":"BTC","T":1767323045008,"t":2,"I":12288,"w":false,"m":true,"M":false,"O":1767323045007,"Z":"9.00000000","Y":"9.00000000","Q":"0.00000000","W":1767323045007,"V":"NONE"}
        {"e":"executionReport","E":1767323045009,"s":"BTCUSDT","c":"pending","S":"SELL","o":"LIMIT","f":"GTC","q":"1.00000000","p":"30.00000000","P":"0.00000000","F":"0.00000000","g":2,"C":"","x":"NEW","X":"NEW","r":"NONE","i":5,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045008,"t":-1,"I":12289,"w":true,"m":false,"M":false,"O":1767323045007,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045008,"V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045008,"B":[{"a":"BTC","f":"8.99900000","l":"1.00000000"},{"a":"USDT","f":"1000010.98000000","l":"0.00000000"}]}
    "#]]).await;
}

#[tokio::test]
async fn stops_and_trailing_stops() {
    let trailing = NewOrder { trailing_delta: 100, ..stop(ALICE, Side::Sell, 0, 100_000, "trailing") };
    let trade = |price| {
        let maker = place(limit(BOB, Side::Sell, price, 1, ""));
        let taker = place(NewOrder { tif: TimeInForce::Ioc, ..limit(BOB, Side::Buy, price, 1, "") });
        [maker, taker]
    };
    let mut commands = vec![place(stop(ALICE, Side::Sell, 900, 100_000, "stop")), place(trailing)];
    commands.extend(trade(1000));
    commands.push(place(limit(BOB, Side::Buy, 800, 150_000, "")));
    commands.extend(trade(890));
    check(vec![], commands, expect![[r#"
        {"e":"executionReport","E":1767323045012,"s":"BTCUSDT","c":"stop","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"9.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045005,"t":-1,"I":9216,"w":false,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","V":"NONE"}
        {"e":"outboundAccountPosition","E":1767323045012,"u":1767323045005,"B":[{"a":"BTC","f":"9.00000000","l":"1.00000000"}]}
        {"e":"executionReport","E":1767323045012,"s":"BTCUSDT","c":"trailing","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045006,"t":-1,"I":10240,"w":false,"m":false,"M":false,"O":1767323045006,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","V":"NONE","d":100,"D":1767323045006}
        {"e":"outboundAccountPosition","E":1767323045012,"u":1767323045006,"B":[{"a":"BTC","f":"8.00000000","l":"2.00000000"}]}
        {"e":"executionReport","E":1767323045012,"s":"BTCUSDT","c":"stop","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"9.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":1,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045011,"t":-1,"I":15360,"w":true,"m":false,"M":false,"O":1767323045005,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045011,"V":"NONE"}
        {"e":"executionReport","E":1767323045012,"s":"BTCUSDT","c":"stop","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"9.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":1,"l":"1.00000000","z":"1.00000000","L":"8.00000000","n":"0.00800000","N":"USDT","T":1767323045011,"t":3,"I":15361,"w":false,"m":false,"M":false,"O":1767323045005,"Z":"8.00000000","Y":"8.00000000","Q":"0.00000000","W":1767323045011,"V":"NONE"}
        {"e":"executionReport","E":1767323045012,"s":"BTCUSDT","c":"trailing","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":2,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1767323045011,"t":-1,"I":15362,"w":true,"m":false,"M":false,"O":1767323045006,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045011,"V":"NONE","d":100,"D":1767323045006}
        {"e":"executionReport","E":1767323045012,"s":"BTCUSDT","c":"trailing","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":2,"l":"0.50000000","z":"0.50000000","L":"8.00000000","n":"0.00400000","N":"USDT","T":1767323045011,"t":4,"I":15363,"w":true,"m":false,"M":false,"O":1767323045006,"Z":"4.00000000","Y":"4.00000000","Q":"0.00000000","W":1767323045011,"V":"NONE","d":100,"D":1767323045006}
        {"e":"executionReport","E":1767323045012,"s":"BTCUSDT","c":"trailing","S":"SELL","o":"STOP_LOSS","f":"GTC","q":"1.00000000","p":"0.00000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"EXPIRED","X":"EXPIRED","r":"NONE","i":2,"l":"0.00000000","z":"0.50000000","L":"0.00000000","n":"0","N":null,"T":1767323045011,"t":-1,"I":15364,"w":false,"m":false,"M":false,"O":1767323045006,"Z":"4.00000000","Y":"0.00000000","Q":"0.00000000","W":1767323045011,"V":"NONE","d":100,"D":1767323045006,"eR":"INSUFFICIENT_LIQUIDITY"}
        {"e":"outboundAccountPosition","E":1767323045012,"u":1767323045011,"B":[{"a":"BTC","f":"8.50000000","l":"0.00000000"},{"a":"USDT","f":"1000011.98800000","l":"0.00000000"}]}
    "#]]).await;
}

#[tokio::test]
async fn money_that_comes_and_goes() {
    let funding = |user, amount| Funding {
        user,
        asset: allin_core::ids::AssetId(1),
        amount,
        business: Label::new("gift").expect("short"),
        business_id: 9,
        counter: allin_core::spot::command::Counter::External,
        detail: "".into(),
    };
    let commands = vec![
        Command::Credit(funding(ALICE, 5)),
        Command::Credit(funding(ALICE, 5)),
        Command::Transfer { from: ALICE, funding: funding(BOB, 3) },
        Command::Debit(Funding { business_id: 10, ..funding(ALICE, 1) }),
    ];
    check(vec![], commands, expect![[r#"
        {"e":"balanceUpdate","E":1767323045009,"a":"USDT","d":"0.00000005","T":1767323045005}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045005,"B":[{"a":"USDT","f":"1000000.00000005","l":"0.00000000"}]}
        {"e":"balanceUpdate","E":1767323045009,"a":"USDT","d":"-0.00000003","T":1767323045007}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045007,"B":[{"a":"USDT","f":"1000000.00000002","l":"0.00000000"}]}
        {"e":"balanceUpdate","E":1767323045009,"a":"USDT","d":"-0.00000001","T":1767323045008}
        {"e":"outboundAccountPosition","E":1767323045009,"u":1767323045008,"B":[{"a":"USDT","f":"1000000.00000001","l":"0.00000000"}]}
    "#]]).await;
}
