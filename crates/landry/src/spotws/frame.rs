//! WebSocket frames (RFC 6455), the server's half: writes unmasked frames, reads masked ones. No extensions.

use bytes::Bytes;

/// Largest payload of a control frame.
pub(super) const CONTROL_MAX: usize = 125;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// What a client sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Input {
    Text(String),
    Ping(Bytes),
    Pong(Bytes),
    /// With its code, if it gave one.
    Close(Option<u16>),
}

/// A reason to close a connection (RFC 6455, 7.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Closing {
    pub code: u16,
    /// At most 123 bytes.
    pub reason: &'static str,
}

impl Closing {
    pub const GOING_AWAY: Closing = Closing { code: 1001, reason: "the server is about to shut down" };
    pub const END_OF_LIFE: Closing = Closing { code: 1001, reason: "a connection lasts 24 hours" };
    pub const PROTOCOL: Closing = Closing { code: 1002, reason: "protocol error" };
    pub const UNMASKED: Closing = Closing { code: 1002, reason: "a client's frames must be masked" };
    pub const BINARY: Closing = Closing { code: 1003, reason: "binary messages are not taken" };
    pub const NOT_UTF8: Closing = Closing { code: 1007, reason: "text must be UTF-8" };
    pub const TOO_MANY: Closing = Closing { code: 1008, reason: "Too many requests" };
    pub const NO_PONG: Closing = Closing { code: 1008, reason: "Pong timeout" };
    pub const SLOW: Closing = Closing { code: 1008, reason: "the client reads too slowly" };
    pub const TOO_LARGE: Closing = Closing { code: 1009, reason: "message too large" };
}

/// Puts frames together as bytes come in. Holds memory only for what is not whole yet.
#[derive(Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// Fragments of a message so far.
    message: Option<Vec<u8>>,
    message_max: usize,
}

struct Header {
    opcode: u8,
    is_final: bool,
    length: usize,
    mask: [u8; 4],
    /// Bytes of the header itself.
    size: usize,
}

impl Decoder {
    pub fn new(message_max: usize) -> Decoder {
        Decoder { message_max, ..Decoder::default() }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message or control frame.
    pub fn next(&mut self) -> Result<Option<Input>, Closing> {
        while let Some(header) = self.header()? {
            if self.bytes.len() < header.size + header.length {
                break;
            }
            let mut payload = self.bytes[header.size..header.size + header.length].to_vec();
            payload.iter_mut().zip(header.mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            self.bytes.drain(..header.size + header.length);
            if let Some(input) = self.frame(&header, payload)? {
                return Ok(Some(input));
            }
        }
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
        Ok(None)
    }

    /// The header at the front, once it is there; refuses what can be refused by it alone.
    fn header(&self) -> Result<Option<Header>, Closing> {
        let [first, second, rest @ ..] = self.bytes.as_slice() else { return Ok(None) };
        let (opcode, is_final) = (first & 0x0F, first & FINAL != 0);
        if first & 0x70 != 0 {
            return Err(Closing::PROTOCOL);
        }
        if second & MASKED == 0 {
            return Err(Closing::UNMASKED);
        }
        let is_control = opcode & 0x8 != 0;
        let (length, width) = match (second & 0x7F, rest) {
            (126 | 127, _) if is_control => return Err(Closing::PROTOCOL),
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
            (126 | 127, _) => return Ok(None),
            (short, _) => (u64::from(short), 0),
        };
        match opcode {
            CONTINUATION if self.message.is_none() => return Err(Closing::PROTOCOL),
            CONTINUATION => {}
            TEXT if self.message.is_some() => return Err(Closing::PROTOCOL),
            TEXT => {}
            BINARY => return Err(Closing::BINARY),
            CLOSE | PING | PONG if is_final => {}
            _ => return Err(Closing::PROTOCOL),
        }
        let before = self.message.as_ref().map_or(0, Vec::len);
        let length = usize::try_from(length).map_err(|_| Closing::TOO_LARGE)?;
        if !is_control && length.saturating_add(before) > self.message_max {
            return Err(Closing::TOO_LARGE);
        }
        let Some(mask) = rest.get(width..width + 4) else { return Ok(None) };
        let mask = [mask[0], mask[1], mask[2], mask[3]];
        Ok(Some(Header { opcode, is_final, length, mask, size: 2 + width + 4 }))
    }

    fn frame(&mut self, header: &Header, payload: Vec<u8>) -> Result<Option<Input>, Closing> {
        match header.opcode {
            PING => return Ok(Some(Input::Ping(payload.into()))),
            PONG => return Ok(Some(Input::Pong(payload.into()))),
            CLOSE => return close(&payload).map(Some),
            _ => {}
        }
        let message = match self.message.take() {
            Some(mut message) => {
                message.extend_from_slice(&payload);
                message
            }
            None => payload,
        };
        if !header.is_final {
            self.message = Some(message);
            return Ok(None);
        }
        String::from_utf8(message).map(|text| Some(Input::Text(text))).map_err(|_| Closing::NOT_UTF8)
    }
}

fn close(payload: &[u8]) -> Result<Input, Closing> {
    match payload {
        [] => Ok(Input::Close(None)),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            match known && std::str::from_utf8(reason).is_ok() {
                true => Ok(Input::Close(Some(code))),
                false => Err(Closing::PROTOCOL),
            }
        }
        [_] => Err(Closing::PROTOCOL),
    }
}

/// A whole text message in one frame, from its parts.
pub(super) fn text(parts: &[&str]) -> Bytes {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut frame = header(TEXT, length);
    parts.iter().for_each(|part| frame.extend_from_slice(part.as_bytes()));
    frame.into()
}

/// `payload` is cut to what a control frame may have.
pub(super) fn ping(payload: &[u8]) -> Bytes {
    control(PING, payload)
}

pub(super) fn pong(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

/// Without a code when there is none to tell.
pub(super) fn close_frame(closing: Option<Closing>) -> Bytes {
    let mut payload = Vec::new();
    if let Some(closing) = closing {
        payload.extend_from_slice(&closing.code.to_be_bytes());
        payload.extend_from_slice(closing.reason.as_bytes());
    }
    control(CLOSE, &payload)
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let payload = &payload[..payload.len().min(CONTROL_MAX)];
    let mut frame = header(opcode, payload.len());
    frame.extend_from_slice(payload);
    frame.into()
}

fn header(opcode: u8, length: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(length + 10);
    frame.push(FINAL | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => frame.push(short),
        (_, Ok(medium)) => {
            frame.push(126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    /// A client's frame.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = header(first & 0x0F, payload.len());
        frame[0] = first;
        frame[1] |= MASKED;
        frame.extend_from_slice(&MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn all(decoder: &mut Decoder) -> Result<Vec<Input>, Closing> {
        std::iter::from_fn(|| decoder.next().transpose()).collect()
    }

    #[test]
    fn what_clients_send() {
        let long = "x".repeat(300);
        let text = |text: &str| Ok(vec![Input::Text(text.to_owned())]);
        type Row<'a> = (&'a str, Vec<Vec<u8>>, Result<Vec<Input>, Closing>);
        let rows: Vec<Row<'_>> = vec![
            ("a text", vec![masked(0x81, b"hello")], text("hello")),
            ("an empty text", vec![masked(0x81, b"")], text("")),
            ("a medium text", vec![masked(0x81, long.as_bytes())], text(&long)),
            ("fragments", vec![masked(0x01, b"he"), masked(0x00, b"ll"), masked(0x80, b"o")], text("hello")),
            (
                "a ping between fragments",
                vec![masked(0x01, b"he"), masked(0x89, b"p"), masked(0x80, b"llo")],
                Ok(vec![Input::Ping(Bytes::from_static(b"p")), Input::Text("hello".into())]),
            ),
            ("a pong", vec![masked(0x8A, b"")], Ok(vec![Input::Pong(Bytes::new())])),
            ("a close", vec![masked(0x88, &[3, 232])], Ok(vec![Input::Close(Some(1000))])),
            ("a bare close", vec![masked(0x88, b"")], Ok(vec![Input::Close(None)])),
            ("half a close code", vec![masked(0x88, &[3])], Err(Closing::PROTOCOL)),
            ("a close code that is none", vec![masked(0x88, &[0, 5])], Err(Closing::PROTOCOL)),
            ("binary", vec![masked(0x82, b"x")], Err(Closing::BINARY)),
            ("not masked", vec![vec![0x81, 1, b'x']], Err(Closing::UNMASKED)),
            ("a reserved bit", vec![masked(0xC1, b"x")], Err(Closing::PROTOCOL)),
            ("a reserved opcode", vec![masked(0x83, b"x")], Err(Closing::PROTOCOL)),
            ("a fragment of nothing", vec![masked(0x80, b"x")], Err(Closing::PROTOCOL)),
            ("a text within a text", vec![masked(0x01, b"x"), masked(0x81, b"y")], Err(Closing::PROTOCOL)),
            ("a ping in fragments", vec![masked(0x09, b"x")], Err(Closing::PROTOCOL)),
            ("a large ping", vec![masked(0x89, &[0; 126])], Err(Closing::PROTOCOL)),
            ("not UTF-8", vec![masked(0x81, &[0xFF])], Err(Closing::NOT_UTF8)),
            ("too large", vec![masked(0x81, &[b'x'; 1001])], Err(Closing::TOO_LARGE)),
            ("too large in all", vec![masked(0x01, &[b'x'; 600]), masked(0x80, &[b'x'; 600])], Err(Closing::TOO_LARGE)),
            ("a length beyond memory", vec![[&[0x81, 0xFF], &[0xFF; 8][..], &MASK].concat()], Err(Closing::TOO_LARGE)),
        ];
        for (name, frames, expected) in rows {
            let bytes = frames.concat();
            let mut whole = Decoder::new(1000);
            whole.feed(&bytes);
            assert_eq!(all(&mut whole), expected, "{name}");
            let mut dripping = Decoder::new(1000);
            let drops: Result<Vec<Vec<Input>>, Closing> = bytes
                .iter()
                .map(|byte| {
                    dripping.feed(&[*byte]);
                    all(&mut dripping)
                })
                .collect();
            assert_eq!(drops.map(|inputs| inputs.concat()), expected, "{name}, byte by byte");
        }
    }

    #[test]
    fn what_the_server_sends() {
        assert_eq!(text(&["ab", "c"])[..], [0x81, 3, b'a', b'b', b'c']);
        assert_eq!(text(&[&"x".repeat(126)])[..4], [0x81, 126, 0, 126]);
        assert_eq!(text(&[&"x".repeat(65_536)])[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(close_frame(Some(Closing { code: 1000, reason: "" }))[..], [0x88, 2, 3, 232]);
        assert_eq!(close_frame(None)[..], [0x88, 0]);
        assert_eq!(pong(&[7; 200]).len(), 2 + CONTROL_MAX);
    }
}
