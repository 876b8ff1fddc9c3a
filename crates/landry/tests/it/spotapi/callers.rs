//! Every endpoint by every kind of caller, from the table; and parameters that are wrong in every way.

use allin_landry::spotapi::endpoint::{self, Security};

use crate::world::{Answered, World};

fn code(answered: &Answered) -> i64 {
    answered.json()["code"].as_i64().unwrap_or(0)
}

#[tokio::test]
async fn every_endpoint_by_every_caller() {
    let world = World::new().await;
    let before = world.fingerprint().await;
    let mut seen = 0;
    for endpoint in endpoint::all() {
        for (method, path) in endpoint.rest {
            let what = format!("{method} {path}");
            let nobody = world.send(method, path, "", "").await;
            let stranger = world.send(method, path, "x-mbx-apikey: nobody\r\n", "").await;
            let forged = format!("{path}?timestamp={}&signature={}", world.now().millis(), "0".repeat(64));
            let forger = world.send(method, &forged, "x-mbx-apikey: alice\r\n", "").await;
            let reader = world.call("aliceread", method, path, "").await;
            let trader = world.call("alice", method, path, "").await;
            for answered in [&nobody, &stranger, &forger, &reader, &trader] {
                assert!((200..500).contains(&answered.status), "{what}: {answered:?}");
            }
            let is_shut_out = |answered: &Answered| answered.status == 401;
            match endpoint.security {
                Security::None => assert!(!is_shut_out(&nobody) && !is_shut_out(&stranger), "{what}"),
                _ => assert_eq!((code(&nobody), code(&stranger)), (-2014, -2015), "{what}"),
            }
            let signed = !matches!(endpoint.security, Security::None | Security::ApiKey);
            assert_eq!(code(&forger) == -1022, signed, "{what}: {forger:?}");
            let closed_to_readers = matches!(endpoint.security, Security::Trade | Security::Withdraw);
            assert_eq!(code(&reader) == -2015, closed_to_readers, "{what}: {reader:?}");
            assert_eq!(code(&trader) == -2015, endpoint.security == Security::Withdraw, "{what}: {trader:?}");
            seen += 1;
        }
    }
    assert!(seen >= 28, "{seen} endpoints");
    assert_eq!(world.fingerprint().await, before);
}

#[tokio::test]
async fn orders_of_others_are_out_of_reach() {
    let world = World::new().await;
    let order = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=mine";
    world.ok("alice", "POST", "/api/v3/order", order).await;
    let list = "symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=55000&belowType=STOP_LOSS&belowStopPrice=45000&listClientOrderId=ours";
    world.ok("alice", "POST", "/api/v3/orderList/oco", list).await;
    let before = world.fingerprint().await;
    let replace =
        "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=51000&cancelReplaceMode=STOP_ON_FAILURE";
    let rows = [
        ("GET", "order", "symbol=BTCUSDT&orderId=1".to_owned()),
        ("GET", "order", "symbol=BTCUSDT&origClientOrderId=mine".to_owned()),
        ("DELETE", "order", "symbol=BTCUSDT&orderId=1".to_owned()),
        ("DELETE", "order", "symbol=BTCUSDT&origClientOrderId=mine".to_owned()),
        ("DELETE", "openOrders", "symbol=BTCUSDT".to_owned()),
        ("PUT", "order/amend/keepPriority", "symbol=BTCUSDT&orderId=1&newQty=0.5".to_owned()),
        ("POST", "order/cancelReplace", format!("{replace}&cancelOrderId=1")),
        ("POST", "order/cancelReplace", format!("{replace}&cancelOrigClientOrderId=mine")),
        ("GET", "order/amendments", "symbol=BTCUSDT&orderId=1".to_owned()),
        ("DELETE", "orderList", "symbol=BTCUSDT&orderListId=1".to_owned()),
        ("DELETE", "orderList", "symbol=BTCUSDT&listClientOrderId=ours".to_owned()),
        ("GET", "orderList", "orderListId=1".to_owned()),
        ("GET", "orderList", "origClientOrderId=ours".to_owned()),
    ];
    for (method, path, query) in rows {
        let answered = world.call("bob", method, &format!("/api/v3/{path}"), &query).await;
        assert_eq!(answered.status, 400, "{method} {path} {query}: {answered:?}");
        assert!([-2011, -2013, -2022, -2038].contains(&code(&answered)), "{method} {path} {query}: {answered:?}");
    }
    for path in ["openOrders", "allOrders", "myTrades"] {
        let answer = world.ok("bob", "GET", &format!("/api/v3/{path}"), "symbol=BTCUSDT").await;
        assert_eq!(answer, serde_json::json!([]), "{path}");
    }
    assert_eq!(world.fingerprint().await, before);
}

/// No number among them.
const BAD_NUMBERS: [&str; 22] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e309",
    "1e3",
    "-0",
    "-1",
    "0",
    "0.0",
    "%201",
    "1%20",
    "%EF%BC%91",
    "0x10",
    "1_000",
    "1,5",
    "1.",
    ".1",
    "",
    "99999999999999999999999999999",
    "0.0000000000000000001",
    "null",
    "%00",
];

#[tokio::test]
async fn bad_numbers_are_refused_and_change_nothing() {
    let world = World::new().await;
    let before = world.fingerprint().await;
    // Every value of these templates is a number that is refused when it is bad.
    let rows = [
        ("POST", "order", "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC", "quantity=1&price=50000"),
        (
            "POST",
            "order",
            "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC",
            "quantity=1&price=50000&icebergQty=0.5",
        ),
        ("POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET", "quoteOrderQty=100"),
        ("POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET", "quantity=1"),
        ("POST", "order", "symbol=BTCUSDT&side=SELL&type=STOP_LOSS", "quantity=1&stopPrice=40000"),
        ("POST", "order", "symbol=BTCUSDT&side=SELL&type=STOP_LOSS", "quantity=1&trailingDelta=100"),
        (
            "POST",
            "orderList/oco",
            "symbol=BTCUSDT&side=SELL&aboveType=LIMIT_MAKER&belowType=STOP_LOSS",
            "quantity=1&abovePrice=55000&belowStopPrice=45000",
        ),
        ("DELETE", "order", "symbol=BTCUSDT", "orderId=1"),
        ("GET", "allOrders", "symbol=BTCUSDT", "limit=1"),
        ("GET", "myTrades", "symbol=BTCUSDT", "limit=1"),
    ];
    for (method, path, rest, numbers) in rows {
        let numbers: Vec<&str> = numbers.split('&').collect();
        for spoilt in 0..numbers.len() {
            for bad in BAD_NUMBERS {
                let pairs = numbers.iter().enumerate().map(|(at, pair)| match at == spoilt {
                    true => format!("{}={bad}", pair.split('=').next().unwrap_or_default()),
                    false => (*pair).to_owned(),
                });
                let query = format!("{rest}&{}", pairs.collect::<Vec<_>>().join("&"));
                let answered = world.call("alice", method, &format!("/api/v3/{path}"), &query).await;
                assert_eq!(answered.status, 400, "{method} {path} {query}: {answered:?}");
                assert!(code(&answered) < -999 && answered.json()["msg"].is_string(), "{query}: {answered:?}");
            }
        }
    }
    assert_eq!(world.fingerprint().await, before);
}

/// What may stand in a query, wherever it belongs.
const NAMES: [&str; 24] = [
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "orderId",
    "origClientOrderId",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "recvWindow",
    "listenKey",
    "symbols",
    "interval",
    "asset",
    "coin",
    "newClientOrderId",
    "orderListId",
    "cancelReplaceMode",
    "newQty",
    "omitZeroBalances",
    "selfTradePreventionMode",
];

/// What may stand in a query, wherever it belongs.
const VALUES: [&str; 24] = [
    "BTCUSDT",
    "btcusdt",
    "SELL",
    "LIMIT",
    "GTC",
    "GTD",
    "1",
    "0",
    "-1",
    "18446744073709551615",
    "1767323045000",
    "18446744073709551616",
    "9223372036854775807",
    "NaN",
    "",
    "%00",
    "%F0%9F%92%A9",
    "[%22BTCUSDT%22]",
    "[[[[",
    "true",
    "STOP_ON_FAILURE",
    "1m",
    "'%20OR%201=1",
    "..%2F..%2F",
];

#[tokio::test]
async fn whatever_is_sent_is_answered() {
    let world = World::new().await;
    let mut state = 0x1234_5678_9abc_def1u64;
    let mut below = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % bound
    };
    for round in 0..4 {
        for endpoint in endpoint::all() {
            for (method, path) in endpoint.rest {
                let count = 1 + below(6);
                let mut query: Vec<String> = Vec::new();
                for _ in 0..count {
                    query.push(format!("{}={}", NAMES[below(NAMES.len())], VALUES[below(VALUES.len())]));
                }
                let query = query.join("&");
                let answered = world.call("alicefar", method, path, &query).await;
                let known = world.call("alice", method, path, &query).await;
                for answered in [answered, known] {
                    assert!((200..500).contains(&answered.status), "{round} {method} {path} {query}: {answered:?}");
                    answered.json();
                }
            }
        }
    }
}
