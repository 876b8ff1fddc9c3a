//! Frames, connections and limits.

use allin_landry::spotapi::SpotApiSection;
use futures::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::{Client, signed, try_connect};
use crate::world::World;

#[tokio::test]
async fn answers_byte_for_byte() {
    let world = World::empty(SpotApiSection::default()).await;
    let mut client = Client::new(&world).await;
    let weight = |count| {
        let interval = r#""rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000"#;
        format!(r#""rateLimits":[{{{interval},"count":{count}}}]}}"#)
    };
    // The connection took 2.
    let rows = [
        (r#"{"id":1,"method":"ping"}"#, r#"{"id":1,"status":200,"result":{},"#.to_owned() + &weight(3)),
        (
            r#"{"id":"e2a85d9f","method":"v3/time","params":{"returnRateLimits":true}}"#,
            r#"{"id":"e2a85d9f","status":200,"result":{"serverTime":1767323045000},"#.to_owned() + &weight(4),
        ),
        (
            r#"{"id":null,"method":"time","params":{"returnRateLimits":false}}"#,
            r#"{"id":null,"status":200,"result":{"serverTime":1767323045000}}"#.to_owned(),
        ),
        (
            r#"{"id":2,"method":"order.dance"}"#,
            r#"{"id":2,"status":400,"error":{"code":-1020,"msg":"This operation is not supported."},"#.to_owned()
                + &weight(7),
        ),
        (
            "no JSON",
            r#"{"id":null,"status":400,"error":{"code":-1135,"msg":"Invalid JSON Request"},"#.to_owned() + &weight(9),
        ),
        (
            r#"{"id":3,"method":"depth","params":{"symbol":"NOSUCH","returnRateLimits":false}}"#,
            r#"{"id":3,"status":400,"error":{"code":-1121,"msg":"Invalid symbol."}}"#.to_owned(),
        ),
    ];
    for (request, wanted) in rows {
        client.send(request).await;
        assert_eq!(client.next_text().await, wanted, "{request}");
    }
}

#[tokio::test]
async fn the_connection_s_own_parameters() {
    let world = World::empty(SpotApiSection::default()).await;
    let mut client = Client::with(&world, "?returnRateLimits=false&timeUnit=MICROSECOND").await;
    client.send(r#"{"id":5,"method":"time"}"#).await;
    assert_eq!(client.next_text().await, r#"{"id":5,"status":200,"result":{"serverTime":1767323045000000}}"#);
    assert!(client.ask("time", json!({ "returnRateLimits": true })).await["rateLimits"].is_array());
    for query in ["?timeUnit=HOUR", "?returnRateLimits=maybe", "?responseFormat=sbe"] {
        let Err(Error::Http(refused)) = try_connect(&world, query).await else { panic!("{query} is refused") };
        assert_eq!(refused.status(), 400, "{query}");
    }
    let plain = world.get("/ws-api/v3").await;
    assert_eq!((plain.status, plain.json()["code"].as_i64()), (426, Some(-1020)));
}

#[tokio::test]
async fn too_many_connections_and_too_much_weight() {
    let config = SpotApiSection { ws_attempts_5m_max: 3, weight_1m_max: 12, ..SpotApiSection::default() };
    let world = World::empty(config).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::new(&world).await);
    }
    let Err(Error::Http(refused)) = try_connect(&world, "").await else { panic!("the fourth is refused") };
    assert_eq!(refused.status(), 429);
    // Three connections took six.
    for left in [7, 8, 9, 10, 11, 12] {
        let answer = clients[0].ask("ping", json!({})).await;
        assert_eq!((answer["status"].as_u64(), answer["rateLimits"][0]["count"].as_u64()), (Some(200), Some(left)));
    }
    let answer = clients[1].ask("ping", json!({})).await;
    assert_eq!((answer["status"].as_u64(), answer["error"]["code"].as_i64()), (Some(429), Some(-1003)));
    let wait = &answer["error"]["data"];
    assert_eq!((wait["serverTime"].as_u64(), wait["retryAfter"].as_u64()), (Some(1767323045000), Some(1767323100000)));
    let own = clients[2].ask("session.status", json!({})).await;
    assert_eq!(own["status"].as_u64(), Some(429));
}

#[tokio::test]
async fn there_is_room_for_so_many() {
    let world = World::empty(SpotApiSection { ws_connections_max: 1, ..SpotApiSection::default() }).await;
    let client = Client::new(&world).await;
    let Err(Error::Http(refused)) = try_connect(&world, "").await else { panic!("the second is refused") };
    assert_eq!(refused.status(), 503);
    drop(client);
    // The place is free again once the server has seen that.
    while try_connect(&world, "").await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn frames_that_end_a_connection() {
    let config = SpotApiSection {
        ws_message_bytes_max: 1000,
        ws_control_frames_1s_max: 3,
        ws_attempts_5m_max: 0,
        ..SpotApiSection::default()
    };
    let world = World::empty(config).await;
    let flood: Vec<Message> = (0..200).map(|_| Message::Ping("x".into())).collect();
    let rows = [
        (vec![Message::binary(vec![1, 2, 3])], CloseCode::Unsupported),
        (vec![Message::text("x".repeat(1001))], CloseCode::Size),
        (flood, CloseCode::Policy),
    ];
    for (messages, code) in rows {
        let mut client = Client::new(&world).await;
        for message in messages {
            if client.socket.feed(message).await.is_err() {
                break;
            }
        }
        let _ = client.socket.flush().await;
        assert_eq!(client.end().await, Some(code));
    }
}

#[tokio::test]
async fn silent_clients_and_old_connections_end() {
    let quick = SpotApiSection { ws_ping_interval_ms: 20, ws_pong_wait_ms: 60, ..SpotApiSection::default() };
    let world = World::empty(quick).await;
    let mut client = Client::new(&world).await;
    // Reads nothing, so it answers no ping, until it is too late.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    // What it writes then may be lost before it reads why.
    assert!(matches!(client.end().await, None | Some(CloseCode::Policy)));

    let short = SpotApiSection { ws_life_ms: 200, ws_notice_ms: 100, ..SpotApiSection::default() };
    let world = World::empty(short).await;
    let mut client = Client::new(&world).await;
    assert_eq!(client.next_text().await, r#"{"event":{"e":"serverShutdown","E":1767323045000}}"#);
    assert_eq!(client.end().await, Some(CloseCode::Away));
}

#[tokio::test]
async fn garbage_is_answered_and_never_a_fault() {
    let config = SpotApiSection { weight_1m_max: 0, raw_requests_5m_max: 0, ..SpotApiSection::default() };
    let world = World::with(config).await;
    let before = world.fingerprint().await;
    let mut client = Client::new(&world).await;
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!("x"),
        json!(""),
        json!([]),
        json!({}),
        json!("1e309"),
        json!(u64::MAX),
        json!("BTCUSDT"),
        json!("\u{0}"),
        json!("NaN"),
        json!([[["BTCUSDT"]]]),
        json!("9".repeat(400)),
    ];
    let methods = allin_landry::spotapi::endpoint::all().flat_map(|endpoint| endpoint.ws.iter().copied());
    let own = [
        "session.logon",
        "session.status",
        "session.logout",
        "session.subscriptions",
        "userDataStream.subscribe",
        "userDataStream.subscribe.signature",
        "userDataStream.unsubscribe",
    ];
    let names = [
        "symbol",
        "symbols",
        "limit",
        "fromId",
        "interval",
        "timeZone",
        "windowSize",
        "type",
        "subscriptionId",
        "startTime",
        "orderId",
        "quantity",
        "apiKey",
        "signature",
        "timestamp",
        "symbolStatus",
        "permissions",
    ];
    for (place, method) in methods.chain(own).enumerate() {
        for (nth, value) in values.iter().enumerate() {
            let name = names[(place * 7 + nth) % names.len()];
            let mut params = json!({ "symbol": "BTCUSDT" });
            params[name] = value.clone();
            let answer = client.ask(method, params.clone()).await;
            assert!(answer["status"].as_u64().is_some_and(|status| status < 500), "{method} {params}: {answer}");
            // The same with a good signature.
            params["symbol"] = "BTCUSDT".into();
            let answer = client.ask(method, signed(&world, "aliceread", params.clone())).await;
            assert!(answer["status"].as_u64().is_some_and(|status| status < 500), "{method} {params}: {answer}");
        }
    }
    assert_eq!(world.fingerprint().await, before);
}
