//! Frames that are not as they should be, byte for byte.

use allin_landry::spotapi::SpotApiSection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// A client's frame, with a mask of zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("short") | 0x80;
    [&[first, length, 0, 0, 0, 0], payload].concat()
}

/// The code that the server closes with after these bytes, whatever else it says.
async fn closed(world: &World, bytes: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(world.address).await.expect("a connection");
    let head = "GET /ws-api/v3 HTTP/1.1\r\nhost: api\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut got = Vec::new();
    let end = loop {
        if let Some(at) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        assert_ne!(stream.read_buf(&mut got).await.expect("an answer"), 0);
    };
    stream.write_all(bytes).await.expect("sent");
    let whole = tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_to_end(&mut got)).await;
    // A connection that is reset has told what it had to tell.
    let _ = whole.expect("ends in time");
    let told = &got[end..];
    let at = told.windows(2).rposition(|two| two[0] == 0x88 && (2..126).contains(&two[1]))?;
    Some(u16::from_be_bytes([told[at + 2], told[at + 3]]))
}

#[tokio::test]
async fn broken_frames_close_with_their_code() {
    let world = World::empty(SpotApiSection { ws_attempts_5m_max: 0, ..SpotApiSection::default() }).await;
    let rows: [(&str, Vec<u8>, u16); 7] = [
        ("not masked", vec![0x81, 2, b'{', b'}'], 1002),
        ("a reserved bit", masked(0xC1, b"{}"), 1002),
        ("a reserved opcode", masked(0x83, b"{}"), 1002),
        ("a fragment of nothing", masked(0x80, b"{}"), 1002),
        ("not UTF-8", masked(0x81, &[b'"', 0xFF, b'"']), 1007),
        ("UTF-8 that breaks off", masked(0x81, &[0xE2, 0x82]), 1007),
        ("binary", masked(0x82, b"{}"), 1003),
    ];
    for (name, frame, code) in rows {
        assert_eq!(closed(&world, &frame).await, Some(code), "{name}");
    }
    assert_eq!(world.get("/api/v3/ping").await.status, 200);
}

#[tokio::test]
async fn a_handshake_has_one_key_of_sixteen_bytes() {
    let world = World::empty(SpotApiSection { ws_attempts_5m_max: 0, ..SpotApiSection::default() }).await;
    let good = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let rows = [
        (good.to_owned(), 101),
        (String::new(), 400),
        ("sec-websocket-key:\r\n".to_owned(), 400),
        (good.replace("dGhlIHNh", ""), 400),
        (good.replace("dGhlIHNh", "dGhlIHNhdGhl"), 400),
        (good.replace("==", ""), 400),
        ("sec-websocket-key: the sample nonce of this\r\n".to_owned(), 400),
        (good.repeat(2), 400),
    ];
    for (key, status) in rows {
        let head = format!(
            "GET /ws-api/v3 HTTP/1.1\r\nhost: api\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n{key}\r\n"
        );
        let answered = world.raw(head.as_bytes()).await;
        assert_eq!(answered.status, status, "{key} {answered:?}");
        if status == 400 {
            assert_eq!(answered.json()["code"], -1013, "{key} {answered:?}");
        }
    }
}
