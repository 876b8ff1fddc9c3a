//! Owns a client's half of WebSocket for the load of benches (RFC 6455): as little work as can be, so that what is measured is
//! the server. Masks with zeros, reads whole text frames.
//! Known limits: messages in one frame; pings are passed over, so a connection must end before a pong is missed.

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of one read.
pub const READ_BYTES: usize = 16 << 10;
/// Largest head of the server's answer.
const HEAD_BYTES_MAX: usize = 4 << 10;
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;

/// The request that opens a connection. The key is the example of RFC 6455.
pub fn opening(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Length of the head of a server that agrees, once it is whole.
pub fn agreed(bytes: &[u8]) -> Result<Option<usize>> {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
    match end {
        Some(end) if bytes.starts_with(b"HTTP/1.1 101 ") => Ok(Some(end + 4)),
        None if bytes.len() < HEAD_BYTES_MAX => Ok(None),
        _ => Err(Error::other(format!("no WebSocket: {}", String::from_utf8_lossy(bytes)))),
    }
}

/// Appends a text frame as a client sends it.
pub fn push_text(frames: &mut Vec<u8>, text: &str) {
    frames.push(TEXT);
    match text.len() {
        len @ 0..126 => frames.push(MASKED | len as u8),
        len => {
            let len = u16::try_from(len).expect("requests of benches are short");
            frames.push(MASKED | 126);
            frames.extend(len.to_be_bytes());
        }
    }
    frames.extend([0; 4]);
    frames.extend_from_slice(text.as_bytes());
}

/// Where the payload of the first frame lies, once it is whole. The frame ends with it.
pub fn payload(bytes: &[u8]) -> Option<Range<usize>> {
    let (start, len) = match bytes {
        [_, 127, a, b, c, d, e, f, g, h, ..] => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize),
        [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        [_, 126 | 127, ..] | [] | [_] => return None,
        [_, len, ..] => (2, usize::from(*len)),
    };
    (bytes.len() >= start + len).then(|| start..start + len)
}

/// An open connection.
pub struct Socket {
    pub stream: TcpStream,
    /// What was read and not taken yet.
    bytes: Vec<u8>,
    taken: usize,
}

impl Socket {
    pub async fn connect(server: SocketAddr, target: &str) -> Result<Socket> {
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        stream.write_all(opening(target).as_bytes()).await?;
        let mut socket = Socket { stream, bytes: Vec::new(), taken: 0 };
        loop {
            socket.read().await?;
            if let Some(taken) = agreed(&socket.bytes)? {
                socket.taken = taken;
                return Ok(socket);
            }
        }
    }

    pub async fn send(&mut self, text: &str) -> Result<()> {
        let mut frame = Vec::new();
        push_text(&mut frame, text);
        self.stream.write_all(&frame).await
    }

    /// The next text, waiting for it.
    pub async fn text(&mut self) -> Result<String> {
        loop {
            if let Some(text) = self.text_now()? {
                return Ok(text.to_owned());
            }
            self.read().await?;
        }
    }

    /// The next text that has been read already.
    pub fn text_now(&mut self) -> Result<Option<&str>> {
        while let Some(place) = payload(&self.bytes[self.taken..]) {
            let kind = self.bytes[self.taken];
            let place = self.taken + place.start..self.taken + place.end;
            self.taken = place.end;
            match kind {
                TEXT => return std::str::from_utf8(&self.bytes[place]).map(Some).map_err(Error::other),
                CLOSE => return Err(Error::other(format!("closed: {}", String::from_utf8_lossy(&self.bytes[place])))),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Reads what there is, waiting for at least one byte.
    pub async fn read(&mut self) -> Result<()> {
        self.bytes.drain(..std::mem::take(&mut self.taken));
        self.bytes.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.bytes).await? {
            0 => Err(Error::other("the server closed the connection")),
            _ => Ok(()),
        }
    }

    /// Whether nothing is left that was read and not taken.
    pub fn is_drained(&self) -> bool {
        self.taken == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_three_kinds_of_length() {
        for len in [0, 1, 125, 126, 65_535] {
            let mut sent = Vec::new();
            push_text(&mut sent, &"x".repeat(len));
            // A server's frame is the same without mask.
            let start = if len < 126 { 2 } else { 4 };
            let mut served = sent.clone();
            served[1] &= !MASKED;
            served.drain(start..start + 4);
            assert_eq!(payload(&served), Some(start..start + len), "{len}");
            assert_eq!(payload(&served[..served.len() - 1]), None, "{len}");
        }
        let mut long = vec![TEXT, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(payload(&long), None);
        long.resize(10 + 65_536, b'x');
        assert_eq!(payload(&long), Some(10..65_546));
    }

    #[test]
    fn a_server_agrees_or_not() {
        let rows = [
            ("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n{", Some(Some(42))),
            ("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n", Some(None)),
            ("HTTP/1.1 429 Too Many Requests\r\n\r\n", None),
        ];
        for (text, want) in rows {
            assert_eq!(agreed(text.as_bytes()).ok(), want, "{text:?}");
        }
    }
}
