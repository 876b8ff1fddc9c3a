//! `session.*` and user data streams.

use allin_landry::spotapi::SpotApiSection;
use serde_json::{Value, json};

use super::client::{Client, signed};
use crate::world::{ALICE, BOB, World, wire_key};

#[tokio::test]
async fn log_on_status_and_log_out() {
    let world = World::empty(SpotApiSection::default()).await;
    let mut client = Client::new(&world).await;
    let out = r#"{"apiKey":null,"authorizedSince":null,"connectedSince":1767323045000,"returnRateLimits":true,"serverTime":1767323045000,"userDataStream":false}"#;
    assert_eq!(client.ok("session.status", json!({})).await.to_string(), out);
    let on = client.log_on(&world).await;
    assert_eq!(
        (on["apiKey"].as_str(), on["authorizedSince"].as_u64()),
        (Some(&*wire_key("aliceed")), Some(1767323045000))
    );
    assert_eq!(client.ok("session.status", json!({})).await, on);
    assert_eq!(client.ok("session.logout", json!({})).await.to_string(), out);
    // Once more does nothing.
    assert_eq!(client.ok("session.logout", json!({})).await.to_string(), out);
}

#[tokio::test]
async fn who_may_not_log_on() {
    let world = World::empty(SpotApiSection::default()).await;
    let mut client = Client::new(&world).await;
    let good = signed(&world, "aliceed", json!({}));
    let with = |name: &str, value: Value| {
        let mut params = good.clone();
        params[name] = value;
        params
    };
    let rows = [
        ("an HMAC key", signed(&world, "alice", json!({})), (400, -1020)),
        ("an RSA key", signed(&world, "alicersa", json!({})), (400, -1020)),
        ("from elsewhere", signed(&world, "alicefar", json!({})), (401, -2015)),
        ("another's key", with("apiKey", wire_key("bob").into()), (400, -1022)),
        ("an unknown key", with("apiKey", wire_key("nobody").into()), (401, -2015)),
        ("no key at all", with("apiKey", "nobody".into()), (401, -2014)),
        ("no key", with("apiKey", Value::Null), (400, -1102)),
        ("no signature", with("signature", Value::Null), (400, -1102)),
        ("a wrong signature", with("signature", "AAAA".into()), (400, -1022)),
        ("a changed time", with("timestamp", (world.now().millis() + 1).into()), (400, -1022)),
        ("one thing more", with("x", 1.into()), (400, -1022)),
        ("signed, but unknown", signed(&world, "aliceed", json!({ "x": 1 })), (400, -1104)),
    ];
    for (what, params, wanted) in rows {
        assert_eq!(client.fails("session.logon", params).await, wanted, "{what}");
        assert_eq!(client.ok("session.status", json!({})).await["apiKey"], Value::Null, "{what}");
    }
    world.pass(5_001_000);
    assert_eq!(client.fails("session.logon", good).await, (400, -1021));
}

#[tokio::test]
async fn subscriptions_by_session_and_by_signature() {
    let world = World::new().await;
    let mut client = Client::new(&world).await;
    assert_eq!(client.fails("userDataStream.subscribe", json!({})).await, (401, -1002));
    client.log_on(&world).await;
    assert_eq!(client.ok("userDataStream.subscribe", json!({})).await, json!({ "subscriptionId": 0 }));
    assert_eq!(client.fails("userDataStream.subscribe", json!({})).await, (400, -2035));
    let again = signed(&world, "alice", json!({}));
    assert_eq!(client.fails("userDataStream.subscribe.signature", again).await, (400, -2035));
    let bob = signed(&world, "bob", json!({}));
    assert_eq!(client.ok("userDataStream.subscribe.signature", bob).await, json!({ "subscriptionId": 1 }));
    let all = client.ok("session.subscriptions", json!({})).await;
    assert_eq!(all, json!([{ "subscriptionId": 0 }, { "subscriptionId": 1 }]));
    assert_eq!(client.ok("session.status", json!({})).await["userDataStream"], true);

    world.fund(BOB, "BNB", "3").await;
    let event = client.next().await;
    assert_eq!(event["subscriptionId"], 1, "{event}");
    world.fund(ALICE, "BNB", "3").await;
    let kinds = |event: &Value| (event["subscriptionId"].clone(), event["event"]["e"].clone());
    let mut seen = vec![kinds(&event)];
    while seen.len() < 4 {
        seen.push(kinds(&client.next().await));
    }
    let both = |id: u64| [(json!(id), json!("outboundAccountPosition")), (json!(id), json!("balanceUpdate"))];
    for one in [both(0), both(1)].concat() {
        assert!(seen.contains(&one), "{seen:?} has not {one:?}");
    }

    // The session's own ends with it; the other goes on.
    client.ok("session.logout", json!({})).await;
    let ended = client.next().await;
    assert_eq!(
        (ended["subscriptionId"].clone(), ended["event"]["e"].as_str()),
        (json!(0), Some("eventStreamTerminated"))
    );
    assert_eq!(client.ok("session.subscriptions", json!({})).await, json!([{ "subscriptionId": 1 }]));
    let unknown = client.fails("userDataStream.unsubscribe", json!({ "subscriptionId": 0 })).await;
    assert_eq!(unknown, (400, -2036));
    assert_eq!(client.ok("userDataStream.unsubscribe", json!({ "subscriptionId": 1 })).await, json!({}));
    assert_eq!(client.next().await["event"]["e"], "eventStreamTerminated");
    assert_eq!(client.ok("userDataStream.unsubscribe", json!({})).await, json!({}));
    assert_eq!(client.ok("session.subscriptions", json!({})).await, json!([]));
}

#[tokio::test]
async fn a_revoked_key_ends_what_it_began() {
    let world = World::new().await;
    let mut client = Client::new(&world).await;
    client.log_on(&world).await;
    client.ok("userDataStream.subscribe", json!({})).await;
    client.ok("userDataStream.subscribe.signature", signed(&world, "bob", json!({}))).await;
    world.directory.revoke("aliceed");
    assert_eq!(
        client.next_text().await,
        r#"{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}"#
    );
    assert_eq!(client.next().await["event"]["e"], "eventStreamTerminated");
    assert_eq!(client.ok("session.status", json!({})).await["apiKey"], Value::Null);
    assert_eq!(client.ok("session.subscriptions", json!({})).await, json!([{ "subscriptionId": 1 }]));
    world.directory.revoke("bob");
    assert_eq!(client.next().await["subscriptionId"], 1);
    let gone = signed(&world, "bob", json!({}));
    assert_eq!(client.fails("userDataStream.subscribe.signature", gone).await, (401, -2015));
}
