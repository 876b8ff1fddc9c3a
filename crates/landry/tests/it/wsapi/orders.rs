//! Orders over the WebSocket API.

use serde_json::{Value, json};

use super::client::{Client, signed};
use crate::world::World;

fn limit(price: &str) -> Value {
    json!({ "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": price,
        "quantity": "0.00100" })
}

#[tokio::test]
async fn an_order_placed_by_session_is_told_and_cancelled() {
    let world = World::new().await;
    let mut client = Client::new(&world).await;
    client.log_on(&world).await;
    client.ok("userDataStream.subscribe", json!({})).await;
    let mut params = limit("20000.00");
    params["timestamp"] = world.now().millis().into();
    client.send(json!({ "id": 1, "method": "order.place", "params": params }).to_string()).await;
    let (mut answer, mut report) = (Value::Null, Value::Null);
    while answer.is_null() || report.is_null() {
        let frame = client.next().await;
        match frame["event"]["e"].as_str() {
            Some("executionReport") => report = frame["event"].clone(),
            Some(_) => {}
            None => answer = frame,
        }
    }
    assert_eq!((answer["status"].as_u64(), answer["result"]["status"].as_str()), (Some(200), Some("NEW")), "{answer}");
    assert_eq!(report["i"], answer["result"]["orderId"]);
    assert_eq!(report["c"], answer["result"]["clientOrderId"]);
    let kinds: Vec<&str> = answer["rateLimits"]
        .as_array()
        .expect("limits")
        .iter()
        .filter_map(|one| one["rateLimitType"].as_str())
        .collect();
    assert!(kinds.starts_with(&["ORDERS"]), "{answer}");
    let other = signed(&world, "bob", json!({ "symbol": "BTCUSDT", "orderId": report["i"] }));
    assert_eq!(client.fails("order.cancel", other).await, (400, -2011));
}

/// Each cancel with its parameters; the answer and the stream tell its client id, and the orders' own beside it.
#[tokio::test]
async fn the_client_id_of_a_cancel_is_told_in_answer_and_stream() {
    let world = World::new().await;
    let mut client = Client::new(&world).await;
    client.log_on(&world).await;
    client.ok("userDataStream.subscribe", json!({})).await;
    let place = |id: &str| {
        let mut params = limit("20000.00");
        params["newClientOrderId"] = id.into();
        ("order.place", params)
    };
    let oto = json!({ "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingTimeInForce": "GTC",
        "workingPrice": "20000", "workingQuantity": "0.001", "workingClientOrderId": "w", "pendingType": "MARKET",
        "pendingSide": "SELL", "pendingQuantity": "0.001", "pendingClientOrderId": "p", "listClientOrderId": "l" });
    let mut replace = limit("20001.00");
    replace["cancelReplaceMode"] = "STOP_ON_FAILURE".into();
    replace["cancelOrigClientOrderId"] = "b".into();
    replace["newClientOrderId"] = "b2".into();
    let mut named = replace.clone();
    named["cancelOrigClientOrderId"] = "b2".into();
    named["newClientOrderId"] = "b3".into();
    named["cancelNewClientOrderId"] = "cb".into();
    let of =
        |id: &str, cancel: &str| json!({ "symbol": "BTCUSDT", "origClientOrderId": id, "newClientOrderId": cancel });
    // What is sent, and the client ids that are then told: of the cancel (none: made here) and of the orders.
    let rows = [
        (place("a"), None, &[][..]),
        (("order.cancel", of("a", "ca")), Some("ca"), &["a"]),
        (place("a2"), None, &[]),
        (("order.cancel", json!({ "symbol": "BTCUSDT", "origClientOrderId": "a2" })), None, &["a2"]),
        (place("b"), None, &[]),
        (("order.cancelReplace", replace), None, &["b"]),
        (("order.cancelReplace", named), Some("cb"), &["b2"]),
        (("orderList.place.oto", oto.clone()), None, &[]),
        (
            ("orderList.cancel", json!({ "symbol": "BTCUSDT", "listClientOrderId": "l", "newClientOrderId": "cl" })),
            Some("cl"),
            &["p", "w"],
        ),
        (place("d"), None, &[]),
        (("openOrders.cancelAll", json!({ "symbol": "BTCUSDT" })), None, &["b3", "d"]),
    ];
    for ((method, mut params), sent, orders) in rows {
        params["timestamp"] = world.now().millis().into();
        client.send(json!({ "id": "q", "method": method, "params": params }).to_string()).await;
        let (mut told, mut answer) = (Vec::new(), Value::Null);
        while answer.is_null() || told.len() < orders.len() {
            let frame = client.next().await;
            match &frame["event"] {
                Value::Null => answer = frame,
                event if event["x"] == "CANCELED" => {
                    told.push([&event["C"], &event["c"]].map(|id| id.as_str().expect("text").to_owned()));
                }
                _ => {}
            }
        }
        assert_eq!(answer["status"], 200, "{method}: {answer}");
        told.sort();
        let mut answered = cancels(&answer["result"]);
        answered.sort();
        assert_eq!(told, answered, "{method}");
        assert_eq!(told.iter().map(|[order, _]| order).collect::<Vec<_>>(), orders, "{method}");
        // One cancel has one id, whatever it ends.
        let ids: std::collections::BTreeSet<&String> = told.iter().map(|[_, id]| id).collect();
        match sent {
            Some(sent) => assert!(ids.iter().all(|id| *id == sent), "{method}: {ids:?}"),
            None => assert!(ids.len() <= 1 && ids.iter().all(|id| id.len() == 22), "{method}: {ids:?}"),
        }
    }
}

/// The client ids of cancelled orders and of their cancels, wherever in an answer they are.
fn cancels(answer: &Value) -> Vec<[String; 2]> {
    let mut found: Vec<[String; 2]> = match answer {
        Value::Array(items) => items.iter().flat_map(cancels).collect(),
        Value::Object(fields) => fields.values().flat_map(cancels).collect(),
        _ => Vec::new(),
    };
    if let (Some(order), Some(cancel)) = (answer["origClientOrderId"].as_str(), answer["clientOrderId"].as_str()) {
        found.push([order.to_owned(), cancel.to_owned()]);
    }
    found
}

#[tokio::test]
async fn pipelined_orders_reach_the_engine_as_they_were_sent() {
    let world = World::new().await;
    let mut client = Client::new(&world).await;
    client.log_on(&world).await;
    // More than a task of tokio may do in one turn.
    const COUNT: u64 = 190;
    let mut texts = vec![];
    for id in 0..COUNT {
        let mut params = limit(&format!("{}.00", 20_000 + id));
        params["timestamp"] = world.now().millis().into();
        params["newOrderRespType"] = "ACK".into();
        texts.push(json!({ "id": id, "method": "order.place", "params": params }).to_string());
    }
    client.send_together(texts).await;
    let mut orders = vec![0; COUNT as usize];
    for _ in 0..COUNT {
        let answer = client.next().await;
        assert_eq!(answer["status"], 200, "{answer}");
        let id = usize::try_from(answer["id"].as_u64().expect("a number")).expect("small");
        orders[id] = answer["result"]["orderId"].as_u64().expect("an order");
    }
    assert!(orders.windows(2).all(|two| two[0] < two[1]), "{orders:?}");
}
