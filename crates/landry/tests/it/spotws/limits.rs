//! What a client may use up: messages, connections, queues.

use allin_core::spot::command::{Command, Side};
use allin_landry::spotws::SpotWsSection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

use super::world::{World, quick};
use crate::listed::{ALICE, BOB, done, limit, listed};

#[tokio::test]
async fn a_burst_passes_and_a_flood_does_not() {
    let world = World::new(listed()).await;
    let mut client = world.client("/ws").await;
    for id in 0..25 {
        client.answer(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#)).await;
    }
    // Beyond what ten seconds may have, whichever second this is.
    for id in 25..51 {
        client.send(format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#)).await;
    }
    assert_eq!(client.closed().await, 1008);
    world.stop().await;
}

#[tokio::test]
async fn connections_are_counted_by_the_address_that_the_gateway_tells() {
    let world = World::with(listed(), SpotWsSection { connections_5m_max: 2, ..quick() }).await;
    let connect = async |address: &str| {
        let mut request = format!("ws://{}/ws", world.address).into_client_request().expect("a request");
        request.headers_mut().insert("x-real-ip", address.parse().expect("a value"));
        match connect_async(request).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => {
                assert!(response.headers().contains_key("retry-after"));
                let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
                assert!(body.starts_with(r#"{"code":-1003,"#), "{body}");
                response.status().as_u16()
            }
            Err(error) => panic!("{error}"),
        }
    };
    for (address, wanted) in [("1.2.3.4", 101), ("1.2.3.4", 101), ("1.2.3.4", 429), ("1.2.3.5", 101), ("1.2.3.4", 429)]
    {
        assert_eq!(connect(address).await, wanted, "{address}");
    }
    world.stop().await;

    let config = SpotWsSection { connections_5m_max: 1, trusted_peers: vec!["10.0.0.0/8".to_owned()], ..quick() };
    let world = World::with(listed(), config).await;
    let mut statuses = Vec::new();
    for address in ["1.2.3.4", "1.2.3.5"] {
        let mut request = format!("ws://{}/ws", world.address).into_client_request().expect("a request");
        request.headers_mut().insert("x-real-ip", address.parse().expect("a value"));
        statuses.push(connect_async(request).await.is_ok());
    }
    assert_eq!(statuses, [true, false], "whoever is no gateway cannot say that it is somebody else");
    world.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_nobody_waits_for_it() {
    let config = SpotWsSection { queue_messages_max: 64, queue_bytes_max: 64 << 10, ..quick() };
    let world = World::with(listed(), config).await;
    let mut deaf = TcpStream::connect(world.address).await.expect("a connection");
    let request = "GET /stream?streams=btcusdt@trade/btcusdt@aggTrade HTTP/1.1\r\nhost: ws\r\nconnection: Upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    deaf.write_all(request.as_bytes()).await.expect("sent");
    let mut head = [0; 12];
    deaf.read_exact(&mut head).await.expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 101");
    let mut other = world.client("/ws/btcusdt@trade").await;
    other.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    let mut told = 0;
    // More than the system's own buffers take.
    for round in 1..=2500 {
        for _ in 0..20 {
            world.log.apply(Command::Place(limit(ALICE, Side::Sell, 1000, 1, "")));
        }
        done(&world.log, Command::Place(limit(BOB, Side::Buy, 1000, 20, "")));
        for nth in 1..=20 {
            let trade = other.text().await;
            told += trade.len();
            assert!(trade.contains(&format!("\"t\":{},", (round - 1) * 20 + nth)), "every trade in turn: {trade}");
        }
    }
    // What it finds in the end is a part of it, and the end.
    let mut got = Vec::new();
    let read =
        tokio::time::timeout(super::world::SOON, deaf.read_to_end(&mut got)).await.expect("the connection ended");
    drop(read);
    assert!(got.len() < told, "{} of more than {told} bytes", got.len());
    other.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#).await;
    world.stop().await;
}

#[tokio::test]
async fn ten_thousand_subscriptions_are_refused_and_the_first_ones_stay() {
    let config = SpotWsSection { messages_1s_max: 0, ..quick() };
    let world = World::with(listed(), config).await;
    let mut client = world.client("/ws").await;
    let subscribe = |from: usize, to: usize| {
        let names: Vec<String> = (from..to).map(|nth| format!("\"s{nth}@trade\"")).collect();
        format!(r#"{{"method":"SUBSCRIBE","params":[{}],"id":1}}"#, names.join(","))
    };
    for from in (0..1000).step_by(250) {
        assert_eq!(client.answer(&subscribe(from, from + 250)).await, r#"{"result":null,"id":1}"#);
    }
    // Little by little, and all nothing: the whole of a request is refused.
    for from in (1000..10_000).step_by(250) {
        let refused = client.answer(&subscribe(from, from + 250)).await;
        assert!(refused.starts_with(r#"{"code":"#), "{from}: {refused}");
    }
    let listed = client.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#).await;
    assert_eq!(listed.matches("@trade").count(), 1000, "{listed}");
    assert_eq!(client.answer(&subscribe(1000, 1024)).await, r#"{"result":null,"id":1}"#);
    world.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_a_day_old_is_told_and_ends() {
    let world = World::with(listed(), SpotWsSection { lifetime_s: 1, ..quick() }).await;
    let (mut raw, mut combined) = (world.client("/ws/btcusdt@trade").await, world.client("/stream").await);
    let at = world.log.now().millis();
    assert_eq!(raw.text().await, format!(r#"{{"e":"serverShutdown","E":{at}}}"#));
    assert_eq!(raw.closed().await, 1001);
    let told = format!(r#"{{"stream":"!serverShutdown","data":{{"e":"serverShutdown","E":{at}}}}}"#);
    assert_eq!(combined.text().await, told);
    assert_eq!(combined.closed().await, 1001);
    world.stop().await;
}
