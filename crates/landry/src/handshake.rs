//! What both WebSocket servers ask of a handshake (RFC 6455, 4.2.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, SEC_WEBSOCKET_KEY};

/// Bytes that a client's key stands for.
const KEY_BYTES: usize = 16;

/// The client's key as sent, if there is one and it is one.
pub(crate) fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return None };
    let bytes = STANDARD.decode(key.as_bytes()).ok()?;
    (bytes.len() == KEY_BYTES).then(|| key.as_bytes())
}
