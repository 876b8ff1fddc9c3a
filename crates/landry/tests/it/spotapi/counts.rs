//! What requests cost: weight of what fails, and orders that do not fill.

use allin_landry::spotapi::SpotApiSection;
use serde_json::Value;

use crate::world::World;

const SELL: &str = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000";
const BUY: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000";

/// The counts of ten seconds and of the day.
async fn counts(world: &World, key: &str) -> [u64; 2] {
    let rows = world.ok(key, "GET", "/api/v3/rateLimit/order", "").await;
    [0, 1].map(|at| rows[at]["count"].as_u64().expect("a count"))
}

/// Once the bus has told of the fills.
async fn reach(world: &World, key: &str, wanted: [u64; 2]) {
    for _ in 0..2000 {
        if counts(world, key).await == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(counts(world, key).await, wanted, "{key}");
}

#[tokio::test]
async fn orders_that_trade_are_not_counted() {
    let world = World::with(SpotApiSection { weight_1m_max: 0, orders_10s_max: 20, ..SpotApiSection::default() }).await;
    for _ in 0..7 {
        world.ok("alice", "POST", "/api/v3/order", SELL).await;
    }
    assert_eq!(counts(&world, "alice").await, [7, 7]);
    // The taker's order is off the count again, and the maker's takes four others along; its second fill does nothing.
    for _ in 0..2 {
        world.ok("bob", "POST", "/api/v3/order", BUY).await;
    }
    reach(&world, "bob", [0, 0]).await;
    reach(&world, "alice", [2, 2]).await;
    // A further order's fill: there is no credit below zero.
    world.ok("bob", "POST", "/api/v3/order", &BUY.replace("0.1", "0.9")).await;
    reach(&world, "bob", [0, 0]).await;
    reach(&world, "alice", [0, 0]).await;
    // Neither a cancel nor an expiry changes the count.
    world.ok("bob", "POST", "/api/v3/order", &BUY.replace("50000", "40000")).await;
    world.ok("bob", "POST", "/api/v3/order", &BUY.replace("50000", "40000").replace("GTC", "IOC")).await;
    world.ok("bob", "DELETE", "/api/v3/openOrders", "symbol=BTCUSDT").await;
    world.caught_up().await;
    assert_eq!(counts(&world, "bob").await, [2, 2]);
}

/// Settings that are watched: whoever is over a new limit is refused at once, and what was counted stays.
#[tokio::test]
async fn limits_change_while_the_service_runs() {
    let config = SpotApiSection { weight_1m_max: 0, orders_10s_max: 5, ..SpotApiSection::default() };
    let world = World::with(config).await;
    let rules = &world.rules[0];
    let told = async || {
        let info = world.get("/api/v3/exchangeInfo?symbol=BTCUSDT").await.json();
        let limits = info["rateLimits"].as_array().expect("a list").iter();
        limits.map(|one| format!("{}{}", one["interval"], one["limit"]).replace('"', "")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told().await, "SECOND5 DAY200000 MINUTE300000");
    for _ in 0..3 {
        world.ok("alice", "POST", "/api/v3/order", SELL).await;
    }
    assert!(rules.set("orders_10s_max", Some(3)) && rules.set("weight_1m_max", Some(6000)));
    assert!(rules.set("orders_1d_max", Some(0)) && rules.set("raw_requests_5m_max", Some(70_000)));
    assert!(!rules.set("keys_max", Some(3)));
    assert_eq!(told().await, "MINUTE6000 SECOND3 MINUTE70000");
    let limits = world.ok("alice", "GET", "/api/v3/rateLimit/order", "").await;
    assert_eq!((&limits[0]["limit"], &limits[1]["limit"]), (&3.into(), &u32::MAX.into()));
    let over = world.call("alice", "POST", "/api/v3/order", SELL).await;
    assert_eq!((over.status, over.json()["code"].as_i64()), (429, Some(-1015)));
    assert!(over.json()["msg"].as_str().expect("text").contains("current limit is 3 orders"), "{over:?}");
    assert!(rules.set("orders_10s_max", None));
    world.ok("alice", "POST", "/api/v3/order", SELL).await;
    assert!(rules.set("weight_1m_max", Some(1)));
    let over = world.get("/api/v3/exchangeInfo?symbol=BTCUSDT").await;
    assert_eq!((over.status, over.json()["code"].as_i64()), (429, Some(-1003)));
}

#[tokio::test]
async fn above_the_limit_a_cancel_replace_may_cancel_alone() {
    let config = SpotApiSection { weight_1m_max: 0, orders_10s_max: 2, ..SpotApiSection::default() };
    let world = World::with(config).await;
    world.ok("alice", "POST", "/api/v3/order", &format!("{SELL}&newClientOrderId=a1")).await;
    world.ok("alice", "POST", "/api/v3/order", SELL).await;
    let replace =
        |mode: &str, id: &str| format!("{SELL}&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId={id}{mode}");
    let answer = async |query: String| {
        let answered = world.call("alice", "POST", "/api/v3/order/cancelReplace", &query).await;
        assert!(answered.header("retry-after").is_some(), "{answered:?}");
        let body = answered.json();
        let half = |name: &str| body["data"][name].as_str().unwrap_or_default().to_owned();
        (answered.status, body["code"].as_i64(), half("cancelResult"), half("newOrderResult"), body["data"].clone())
    };
    let none = (String::new(), String::new(), Value::Null);
    let refused = answer(replace("", "a1")).await;
    assert_eq!(refused, (429, Some(-1015), none.0, none.1, none.2));
    let unknown = answer(replace("&orderRateLimitExceededMode=CANCEL_ONLY", "nobody")).await;
    assert_eq!((unknown.0, unknown.1, &*unknown.2, &*unknown.3), (429, Some(-2022), "FAILURE", "NOT_ATTEMPTED"));
    assert_eq!(unknown.4["newOrderResponse"], Value::Null);
    let done = answer(replace("&orderRateLimitExceededMode=CANCEL_ONLY", "a1")).await;
    assert_eq!((done.0, done.1, &*done.2, &*done.3), (429, Some(-2021), "SUCCESS", "FAILURE"));
    assert_eq!(
        (&done.4["cancelResponse"]["status"], &done.4["newOrderResponse"]["code"]),
        (&"CANCELED".into(), &(-1015).into())
    );
    // The parameter is no key to other doors.
    let other =
        world.call("alice", "POST", "/api/v3/order", &format!("{SELL}&orderRateLimitExceededMode=CANCEL_ONLY")).await;
    assert_eq!((other.status, other.json()["code"].as_i64()), (429, Some(-1015)));
    let open = world.ok("alice", "GET", "/api/v3/openOrders", "symbol=BTCUSDT").await;
    assert_eq!(open.as_array().map(Vec::len), Some(1), "{open}");
}

#[tokio::test]
async fn trading_costs_weight_only_when_it_fails() {
    let world = World::with(SpotApiSection { orders_10s_max: 0, ..SpotApiSection::default() }).await;
    let rows = [
        ("POST", "order", format!("{SELL}&newClientOrderId=a1"), 0),
        ("POST", "order", format!("{SELL}&newClientOrderId=a1"), 1),
        ("PUT", "order/amend/keepPriority", "symbol=BTCUSDT&orderId=1&newQty=0.5".to_owned(), 5),
        ("DELETE", "order", "symbol=BTCUSDT&orderId=1".to_owned(), 5),
        ("DELETE", "order", "symbol=BTCUSDT&orderId=1".to_owned(), 6),
        ("POST", "order/test", SELL.to_owned(), 7),
        ("GET", "openOrders", "symbol=BTCUSDT".to_owned(), 13),
    ];
    for (method, path, query, used) in rows {
        let answered = world.call("alice", method, &format!("/api/v3/{path}"), &query).await;
        assert_eq!(answered.header("x-mbx-used-weight-1m"), Some(&*used.to_string()), "{method} {path}: {answered:?}");
    }
}
