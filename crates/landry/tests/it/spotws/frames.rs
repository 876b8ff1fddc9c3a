//! Handshakes and frames that are not as they should be; pings and pongs; closing.

use futures::SinkExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::world::{World, quick};
use crate::listed::listed;
use allin_landry::spotws::SpotWsSection;

const GOOD: &str = "connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: 13\r\n\
                    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A whole request; `frames` follow it at once.
fn request(target: &str, head: &str, frames: &[u8]) -> Vec<u8> {
    let mut bytes = format!("GET {target} HTTP/1.1\r\nhost: ws\r\n{head}\r\n").into_bytes();
    bytes.extend_from_slice(frames);
    bytes
}

#[tokio::test]
async fn handshakes() {
    let world = World::new(listed()).await;
    let close = [0x88, 0x80, 0, 0, 0, 0];
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("good", request("/ws", GOOD, &close), "HTTP/1.1 101 "),
        ("anything after ws", request("/ws/0", GOOD, &close), "HTTP/1.1 101 "),
        ("stream", request("/stream?streams=", GOOD, &close), "HTTP/1.1 101 "),
        ("unknown path", request("/other", &format!("{GOOD}connection: close\r\n"), b""), "HTTP/1.1 404 "),
        ("unknown unit", request("/ws?timeUnit=DAY", &format!("{GOOD}connection: close\r\n"), b""), "HTTP/1.1 400 "),
        ("no upgrade", request("/ws", "connection: close\r\n", b""), "HTTP/1.1 426 "),
        (
            "old version",
            request("/ws", &format!("{}connection: close\r\n", GOOD.replace("13", "8")), b""),
            "HTTP/1.1 400 ",
        ),
        (
            "short key",
            request("/ws", &format!("{}connection: close\r\n", GOOD.replace("dGhlIHNh", "")), b""),
            "HTTP/1.1 400 ",
        ),
        ("no HTTP", b"hello\r\n\r\n".to_vec(), "HTTP/1.1 400 "),
    ];
    for (name, bytes, wanted) in rows {
        let answer = world.raw(&bytes).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with(wanted), "{name}: {text}");
        if wanted.contains("101") {
            assert!(text.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{text}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn frames_that_are_not_taken() {
    let config = SpotWsSection { message_bytes_max: 1024, messages_1s_max: 0, ..quick() };
    let world = World::with(listed(), config).await;
    let masked = |first: u8, payload: &[u8]| {
        let mut frame = vec![first];
        match payload.len() {
            short @ ..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(long as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        frame
    };
    let rows: Vec<(&str, Vec<u8>, u16)> = vec![
        ("unmasked", vec![0x81, 1, b'x'], 1002),
        ("reserved bit", masked(0xC1, b"x"), 1002),
        ("reserved opcode", masked(0x8B, b"x"), 1002),
        ("large ping", masked(0x89, &[0; 126]), 1002),
        ("binary", masked(0x82, b"x"), 1003),
        ("not UTF-8", masked(0x81, &[0xFF]), 1007),
        ("too large", masked(0x81, &[b'x'; 1025]), 1009),
        ("a close", masked(0x88, &[0x03, 0xE9]), 1001),
    ];
    for (name, frame, code) in rows {
        let answer = world.raw(&request("/ws", GOOD, &frame)).await;
        let body = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let [0x88, _, high, low, ..] = answer[body..] else { panic!("{name}: {:?}", &answer[body..]) };
        assert_eq!(u16::from_be_bytes([high, low]), code, "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn pings_are_answered_and_sent() {
    let config = SpotWsSection { ping_ms: 10, pong_timeout_ms: 60_000, messages_1s_max: 0, ..quick() };
    let world = World::with(listed(), config).await;
    let mut client = world.client("/ws").await;
    client.socket.send(Message::Ping("mine".into())).await.expect("sent");
    client.socket.send(Message::Pong("unasked".into())).await.expect("sent");
    let (mut pong, mut pings) = (false, 0);
    while !pong || pings < 3 {
        match client.next().await {
            Message::Pong(payload) => {
                assert_eq!(payload.as_ref(), b"mine");
                pong = true;
            }
            Message::Ping(payload) => {
                assert!(payload.iter().all(u8::is_ascii_digit), "{payload:?}");
                pings += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    client.socket.send(Message::Close(Some(CloseFrame { code: 1000.into(), reason: "".into() }))).await.expect("sent");
    assert_eq!(client.closed().await, 1000);
    world.stop().await;
}

#[tokio::test]
async fn without_a_pong_a_connection_ends() {
    let config = SpotWsSection { ping_ms: 10, pong_timeout_ms: 50, messages_1s_max: 0, ..quick() };
    let world = World::with(listed(), config).await;
    // This one answers with pongs, but not to the pings.
    let unasked = [&[0x8A, 0x80, 0, 0, 0, 0][..]; 3].concat();
    let answer = world.raw(&request("/ws", GOOD, &unasked)).await;
    let end = answer.windows(4).rposition(|four| four[0] == 0x88 && four[2..] == 1008u16.to_be_bytes());
    assert!(end.is_some(), "{answer:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_stop_says_so() {
    let world = World::new(listed()).await;
    let (mut raw, mut combined) = (world.client("/ws").await, world.client("/stream").await);
    // Both are served before the stop.
    raw.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    combined.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    let at = world.log.now().millis();
    let stopped = tokio::spawn(world.stop());
    assert_eq!(raw.text().await, format!(r#"{{"e":"serverShutdown","E":{at}}}"#));
    let told = format!(r#"{{"stream":"!serverShutdown","data":{{"e":"serverShutdown","E":{at}}}}}"#);
    assert_eq!(combined.text().await, told);
    assert_eq!((raw.closed().await, combined.closed().await), (1001, 1001));
    stopped.await.expect("stops");
}
