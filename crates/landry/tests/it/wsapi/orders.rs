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
