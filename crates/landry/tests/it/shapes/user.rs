//! User data, by the WebSocket API's subscription.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::faults;
use crate::world::World;
use crate::wsapi::client::{Client, signed};

const REPORT: &str = "{e:s E:i s:s c:s S:s o:s f:s q:d p:d P:d F:d g:i C:s x:s X:s r:s i:i l:d z:d L:d n:d N:s|n T:i t:i v?:i \
     I:i w:b m:b M:b O:i Z:d Y:d Q:d W?:i V:s d?:i D?:i j?:i J?:i A?:d B?:d u?:i U?:i Cs?:s pl?:d pL?:d pY?:d eR?:s}";
const SHAPES: [(&str, &str); 5] = [
    ("executionReport", REPORT),
    ("outboundAccountPosition", "{e:s E:i u:i B:[{a:s f:d l:d}]}"),
    ("balanceUpdate", "{e:s E:i a:s d:d T:i}"),
    ("listStatus", "{e:s E:i s:s g:i c:s l:s L:s r:s C:s T:i O:[{s:s i:i c:s}]}"),
    ("eventStreamTerminated", "{e:s E:i}"),
];

/// Everything that an account is told until its stream ends, by type, executions by theirs as well.
async fn told(client: &mut Client) -> HashMap<String, Vec<Value>> {
    let mut told: HashMap<String, Vec<Value>> = HashMap::new();
    loop {
        let frame = client.next().await;
        if frame.get("event").is_none() {
            continue;
        }
        assert_eq!(faults(&frame, "{subscriptionId:i event:o}"), [""; 0], "{frame}");
        let event = frame["event"].clone();
        let kind = event["e"].as_str().expect("a type").to_owned();
        let shape = SHAPES.iter().find(|(known, _)| *known == kind).unwrap_or_else(|| panic!("{event}")).1;
        assert_eq!(faults(&event, shape), [""; 0], "{event}");
        if let Some(execution) = event["x"].as_str() {
            told.entry(execution.to_owned()).or_default().push(event.clone());
        }
        let ends = kind == "eventStreamTerminated";
        told.entry(kind).or_default().push(event);
        if ends {
            return told;
        }
    }
}

const REQUESTS: [(&str, &str); 12] = [
    ("POST order", "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1"),
    ("POST order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&selfTradePreventionMode=EXPIRE_TAKER"),
    (
        "POST order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=FOK&quantity=1&price=100&strategyId=1&strategyType=1000000",
    ),
    ("POST order", "symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=0.1&trailingDelta=100&newClientOrderId=t1"),
    ("PUT order/amend/keepPriority", "symbol=BTCUSDT&origClientOrderId=a1&newQty=0.9&newClientOrderId=a2"),
    (
        "POST orderList/oto",
        "symbol=BTCUSDT&workingType=LIMIT&workingSide=SELL&workingPrice=56000&workingQuantity=1&workingTimeInForce=GTC&pendingType=MARKET&pendingSide=BUY&pendingQuantity=1&listClientOrderId=l1&pendingClientOrderId=p1",
    ),
    ("PUT order/amend/keepPriority", "symbol=BTCUSDT&origClientOrderId=p1&newQty=0.5&newClientOrderId=p2"),
    ("POST order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=50000&newClientOrderId=b1"),
    ("DELETE orderList", "symbol=BTCUSDT&listClientOrderId=l1"),
    // The old order is cancelled; the new one would take.
    ("POST order", "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=51000&newClientOrderId=a3"),
    ("POST order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=40000&newClientOrderId=a4"),
    (
        "POST order/cancelReplace",
        "symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=1&price=40000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=a3&newClientOrderId=a5",
    ),
];

#[tokio::test]
async fn events_of_an_account() {
    let world = World::new().await;
    // A list that was placed before anybody listened.
    let early = "symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=90000&belowType=STOP_LOSS&belowStopPrice=100&listClientOrderId=early";
    world.ok("alice", "POST", "/api/v3/orderList/oco", early).await;
    let mut client = Client::new(&world).await;
    client.ok("userDataStream.subscribe.signature", signed(&world, "alice", json!({}))).await;
    for (target, query) in REQUESTS {
        let (method, path) = target.split_once(' ').expect("a method");
        let key = if query.ends_with("=b1") { "bob" } else { "alice" };
        let answered = world.call(key, method, &format!("/api/v3/{path}"), query).await;
        let failed_half = path == "order/cancelReplace";
        assert_eq!(answered.status, if failed_half { 409 } else { 200 }, "{target} {query}: {answered:?}");
    }
    world.ok("alice", "DELETE", "/api/v3/orderList", "symbol=BTCUSDT&listClientOrderId=early").await;
    world.fund(crate::world::ALICE, "SOL", "5").await;
    client.send(json!({ "id": 1, "method": "userDataStream.unsubscribe", "params": {} }).to_string()).await;
    let told = told(&mut client).await;
    for kind in ["NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"] {
        assert!(told.contains_key(kind), "no {kind}");
    }
    for (kind, _) in SHAPES {
        assert!(told.contains_key(kind), "no {kind}");
    }
    let replaced: Vec<_> = told["REPLACED"].iter().map(|event| (event["C"].clone(), event["c"].clone())).collect();
    assert_eq!(replaced, [("a1".into(), "a2".into()), ("p1".into(), "p2".into())]);
    let rejected = &told["REJECTED"][0];
    assert_eq!(
        (&rejected["X"], &rejected["r"], &rejected["c"], &rejected["i"], &rejected["w"]),
        (&"REJECTED".into(), &"WOULD_MATCH_IMMEDIATELY".into(), &"a5".into(), &(-1).into(), &false.into())
    );
    let lists: Vec<_> = told["listStatus"].iter().map(|event| [event["C"].clone(), event["l"].clone()]).collect();
    let wanted = [["l1", "EXEC_STARTED"], ["l1", "UPDATED"], ["l1", "ALL_DONE"], ["early", "ALL_DONE"]];
    assert_eq!(lists, wanted.map(|row| row.map(Value::from)));
    let updated = &told["listStatus"][1]["O"];
    assert_eq!(updated[1]["c"], "p2", "{updated}");
}
