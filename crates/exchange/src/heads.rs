//! Heads of requests on their way to the HTTP library, which takes more than is safe and less than clients send:
//!
//! - Where a request ends is to be read in one way only. What another reader could take differently is spoiled, so that the
//!   library refuses it (400): a line that ends without a carriage return, `Transfer-Encoding` that is not `chunked` alone, or
//!   beside `Content-Length`, and either of them twice (RFC 9112, 2.2, 6.1 and 6.3). The library refuses the rest by itself.
//! - `?symbols=["BTCUSDT"]` is how clients of this API are told to write a list (Binance Spot REST, "Exchange information"), but
//!   no URI (RFC 3986). Such a `"` in a query becomes `%22`, which says the same.
//!
//! Bodies are passed over. Another protocol, an upgrade, or what the library refuses ends the looking for the rest of the connection.

use std::io::{self, BufRead};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};

/// With this HTTP/2 begins.
const OTHER_PROTOCOL: &[u8] = b"PRI";
/// The rest of a request line, but for the last digit.
const VERSION: &[u8] = b"HTTP/1.1\r\n";
const MINOR: usize = 7;
/// The only coding that is understood.
const CODING: &[u8] = b"chunked";
/// Longest word that matters.
const WORD_MAX: usize = "transfer-encoding".len();
const ESCAPED: &[u8] = b"%22";
/// No head may have this byte anywhere.
const SPOILED: u8 = 0;

/// Where the next byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Before a request; the library overreads empty lines.
    Start,
    /// In an empty line before a request.
    Blank,
    Method,
    Path,
    Query,
    Fragment,
    /// So many bytes of [`VERSION`] were there.
    Version(usize),
    /// At the beginning of a line of the head, or of the trailers.
    Line,
    /// In the name of a header that may matter.
    Name,
    /// In the rest of a header's line.
    Value,
    /// In the value of `Content-Length`.
    Length(Option<u64>),
    /// Behind it.
    AfterLength,
    /// So many bytes of [`CODING`] were there.
    Coding(usize),
    /// After the carriage return of a header's line.
    LineEnd,
    /// After the carriage return of the last line.
    End,
    /// In a body or a chunk, with so many bytes to come.
    Body(u64),
    /// In the length of a chunk.
    Size(Option<u64>),
    Extension(u64),
    /// After the carriage return of a chunk's first line.
    SizeEnd(u64),
    /// Here a byte was spoiled.
    Spoiled,
    /// Nothing is certain any more.
    Passing,
}

/// What is known of a connection's requests, and what of them is still to be read.
#[derive(Debug)]
pub(crate) struct Heads {
    at: At,
    word: [u8; WORD_MAX],
    word_length: usize,
    /// The last byte of a piece that ended in a header's line was a carriage return.
    returned: bool,
    /// Of the present request.
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
    trailers: bool,
    /// What had no room in the reader's buffer once it was longer; at most thrice such a buffer.
    rest: Bytes,
}

/// What is to be changed of some bytes.
#[derive(Default)]
struct Found {
    quotes: Vec<usize>,
    spoiled: Option<usize>,
}

impl Heads {
    pub fn new() -> Heads {
        Heads {
            at: At::Start,
            word: [0; WORD_MAX],
            word_length: 0,
            returned: false,
            length: None,
            chunked: false,
            upgrade: false,
            trailers: false,
            rest: Bytes::new(),
        }
    }

    /// Reads from a connection.
    pub fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        from: &mut S,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.rest.is_empty() {
            self.give(into);
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        ready!(Pin::new(from).poll_read(context, into))?;
        let read = &mut into.filled_mut()[before..];
        let found = self.find(read);
        found.spoil(read);
        if !found.quotes.is_empty() {
            self.rest = escaped(read, &found.quotes).into();
            into.set_filled(before);
            self.give(into);
        }
        Poll::Ready(Ok(()))
    }

    fn give(&mut self, into: &mut ReadBuf<'_>) {
        let length = self.rest.len().min(into.remaining());
        into.put_slice(&self.rest[..length]);
        self.rest.advance(length);
        if self.rest.is_empty() {
            self.rest = Bytes::new();
        }
    }

    /// Where the next bytes have a quotation mark in a query, and where they are to be spoiled.
    fn find(&mut self, bytes: &[u8]) -> Found {
        let (mut found, mut at) = (Found::default(), 0);
        while let Some(byte) = bytes.get(at) {
            match self.at {
                At::Passing => break,
                // Most of a head is this.
                At::Value => at += self.skip_line(&bytes[at..]),
                At::Body(left) => at += self.skip_body(left, bytes.len() - at),
                now => {
                    if now == At::Query && *byte == b'"' {
                        found.quotes.push(at);
                    }
                    self.at = self.after(*byte);
                    at += 1;
                }
            }
            if self.at == At::Spoiled {
                self.at = At::Passing;
                found.spoiled = Some(at - 1);
            }
        }
        found
    }

    /// The bytes to the end of the line, if that is there.
    fn skip_line(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        // A slice cannot fail.
        let length = rest.skip_until(b'\n').unwrap_or(bytes.len());
        let line = &bytes[..length];
        match line.strip_suffix(b"\n") {
            Some(line) if line.last().map_or(self.returned, |last| *last == b'\r') => self.at = At::Line,
            Some(_) => self.at = At::Spoiled,
            None => {}
        }
        self.returned = line.ends_with(b"\r");
        length
    }

    fn skip_body(&mut self, left: u64, there: usize) -> usize {
        let length = usize::try_from(left).map_or(there, |left| left.min(there));
        self.at = match left - length as u64 {
            0 if self.chunked => At::Size(None),
            0 => At::Start,
            left => At::Body(left),
        };
        length
    }

    fn after(&mut self, byte: u8) -> At {
        match (self.at, byte) {
            (At::Start, b'\r') => At::Blank,
            (At::Blank, b'\n') => At::Start,
            (At::Start, b'!'..=b'~') => self.begin(byte),
            (At::Method, b' ') if self.word() == OTHER_PROTOCOL => At::Passing,
            (At::Method, b' ') => At::Path,
            (At::Method, b'!'..=b'~') => self.go_on(byte, At::Method, At::Method),
            (At::Path | At::Query | At::Fragment, b' ') => At::Version(0),
            (At::Path, b'?') => At::Query,
            (At::Path | At::Query, b'#') => At::Fragment,
            (At::Path | At::Query | At::Fragment, b'!'..=b'~' | 0x80..) => self.at,
            (At::Version(so_far), _) => after_version(so_far, byte),
            (At::Line, b'\r') => At::End,
            (At::Line, b' ' | b'\t') => At::Passing,
            (At::Line, b'C' | b'c' | b'T' | b't' | b'U' | b'u') if !self.trailers => self.begin_word(byte, At::Name),
            (At::Line, b'!'..=b'~') => self.value(),
            (At::Name, b':') => self.named(),
            (At::Name, b'!'..=b'~') => match self.go_on(byte, At::Name, At::Value) {
                At::Value => self.value(),
                at => at,
            },
            (At::Length(_) | At::AfterLength | At::Coding(_), _) => self.framing(byte),
            (At::LineEnd, b'\n') => At::Line,
            (At::End, b'\n') => self.head_ended(),
            (At::Size(_) | At::Extension(_) | At::SizeEnd(_), _) => self.chunk(byte),
            (At::Start | At::Line, b'\n') => At::Spoiled,
            _ => At::Passing,
        }
    }

    /// A header's name was there.
    fn named(&mut self) -> At {
        let framed = self.length.is_some() || self.chunked;
        match self.word() {
            b"content-length" | b"transfer-encoding" if framed => At::Spoiled,
            b"content-length" => At::Length(None),
            b"transfer-encoding" => At::Coding(0),
            b"upgrade" => {
                self.upgrade = true;
                self.value()
            }
            _ => self.value(),
        }
    }

    fn value(&mut self) -> At {
        self.returned = false;
        At::Value
    }

    /// In the value of one of the two headers that say where a request ends.
    fn framing(&mut self, byte: u8) -> At {
        match (self.at, byte) {
            (_, b'\n') => At::Spoiled,
            (At::Length(length), b'0'..=b'9') => {
                let digit = u64::from(byte - b'0');
                let length = length.unwrap_or(0).checked_mul(10).and_then(|length| length.checked_add(digit));
                self.length = length;
                length.map_or(At::Passing, |length| At::Length(Some(length)))
            }
            (At::Length(None) | At::Coding(0), b' ' | b'\t') => self.at,
            (At::Length(Some(_)) | At::AfterLength, b' ' | b'\t') => At::AfterLength,
            (At::Length(Some(_)) | At::AfterLength, b'\r') => At::LineEnd,
            (At::Coding(so_far), _) if CODING.get(so_far) == Some(&byte.to_ascii_lowercase()) => At::Coding(so_far + 1),
            (At::Coding(so_far), b' ' | b'\t') if so_far == CODING.len() => self.at,
            (At::Coding(so_far), b'\r') if so_far == CODING.len() => {
                self.chunked = true;
                At::LineEnd
            }
            (At::Coding(_), _) => At::Spoiled,
            // The library takes nothing but digits.
            _ => At::Passing,
        }
    }

    fn chunk(&mut self, byte: u8) -> At {
        match (self.at, byte) {
            (At::Size(size), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                let size = size.unwrap_or(0).checked_mul(16).and_then(|size| size.checked_add(digit));
                size.map_or(At::Passing, |size| At::Size(Some(size)))
            }
            (At::Size(Some(size)) | At::Extension(size), b'\r') => At::SizeEnd(size),
            (At::Size(Some(size)), b';' | b' ' | b'\t') => At::Extension(size),
            (At::Extension(_), b' '..=b'~' | b'\t' | 0x80..) => self.at,
            (At::SizeEnd(0), b'\n') => {
                self.trailers = true;
                At::Line
            }
            // With the end of its line.
            (At::SizeEnd(size), b'\n') => size.checked_add(2).map_or(At::Passing, At::Body),
            _ => At::Passing,
        }
    }

    /// After the empty line that ends a head, or the trailers.
    fn head_ended(&mut self) -> At {
        match (self.upgrade, self.trailers, self.chunked, self.length) {
            (true, ..) => At::Passing,
            (_, false, true, _) => At::Size(None),
            (_, false, false, Some(length)) if length > 0 => At::Body(length),
            _ => At::Start,
        }
    }

    fn begin(&mut self, byte: u8) -> At {
        (self.length, self.chunked, self.upgrade, self.trailers) = (None, false, false, false);
        self.begin_word(byte, At::Method)
    }

    fn word(&self) -> &[u8] {
        &self.word[..self.word_length]
    }

    fn begin_word(&mut self, byte: u8, at: At) -> At {
        self.word_length = 0;
        self.go_on(byte, at, at)
    }

    /// A name counts in either case.
    fn go_on(&mut self, byte: u8, at: At, too_long: At) -> At {
        let Some(place) = self.word.get_mut(self.word_length) else { return too_long };
        *place = if at == At::Name { byte.to_ascii_lowercase() } else { byte };
        self.word_length += 1;
        at
    }
}

fn after_version(so_far: usize, byte: u8) -> At {
    let fits = VERSION.get(so_far) == Some(&byte) || (so_far == MINOR && byte == b'0');
    match so_far + 1 {
        _ if !fits && byte == b'\n' => At::Spoiled,
        _ if !fits => At::Passing,
        length if length == VERSION.len() => At::Line,
        length => At::Version(length),
    }
}

impl Found {
    fn spoil(&self, bytes: &mut [u8]) {
        if let Some(byte) = self.spoiled.and_then(|at| bytes.get_mut(at)) {
            *byte = SPOILED;
        }
    }
}

fn escaped(bytes: &[u8], quotes: &[usize]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + (ESCAPED.len() - 1) * quotes.len());
    let mut from = 0;
    for quote in quotes {
        text.extend_from_slice(&bytes[from..*quote]);
        text.extend_from_slice(ESCAPED);
        from = quote + 1;
    }
    text.extend_from_slice(&bytes[from..]);
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::worded::{Worded, api_error};

    const ASKED: &str = "GET /a?b=[\"B\"] HTTP/1.1\r\nHost: a\r\n\r\n";
    const PASSED: &str = "GET /a?b=[%22B%22] HTTP/1.1\r\nHost: a\r\n\r\n";

    /// What is sent, and what is read of it.
    fn rows() -> Vec<(String, String)> {
        let same = |text: &str| (text.to_owned(), text.to_owned());
        let head = "GET /a?\" HTTP/1.1\r\n";
        let after_head = "GET /a?%22 HTTP/1.1\r\n";
        // Headers after which the next request's line is where it is expected.
        let certain = [
            "Host: a\"b\"",
            "Content-Length: 0",
            "content-length:0 ",
            "CONTENT-LENGTH: 00",
            "Content-Type: text/plain",
            "Content-Length-Of-Something: 5",
            "Cookie: a=\"Content-Length: 5\"",
            "Transfer-Encodings: x",
            "TE: trailers",
            "Upgrade-Insecure-Requests: 1",
            "X: Upgrade: websocket",
            "Content-Length: 0\r\nReferer: http://a/?\"",
        ];
        // An upgrade, and what the library refuses.
        let uncertain = [
            "Content-Length: 0, 7",
            "Content-Length: +7",
            "Content-Length: 0 7",
            "Content-Length: 99999999999999999999",
            "Content-Length:",
            "Content-Length : 0",
            "Upgrade: websocket",
            "uPGRADE: h2c",
            "Host: a\r\n folded",
            "Host: a\r\n\tContent-Length: 7",
        ];
        let certain = certain.iter().map(|header| {
            let (sent, read) =
                (format!("{head}{header}\r\n\r\n{ASKED}"), format!("{after_head}{header}\r\n\r\n{PASSED}"));
            (sent, read)
        });
        let uncertain = uncertain
            .iter()
            .map(|header| (format!("{head}{header}\r\n\r\n{ASKED}"), format!("{after_head}{header}\r\n\r\n{ASKED}")));
        let others = [
            (ASKED.to_owned(), PASSED.to_owned()),
            (ASKED.repeat(3), PASSED.repeat(3)),
            (format!("\r\n\r\n{ASKED}\r\n{ASKED}"), format!("\r\n\r\n{PASSED}\r\n{PASSED}")),
            (ASKED.replace("GET", "DELETE"), PASSED.replace("GET", "DELETE")),
            (ASKED.replace("GET", "get"), PASSED.replace("GET", "get")),
            (ASKED.replace("GET", "PROPERTIESOFTHISHERE"), PASSED.replace("GET", "PROPERTIESOFTHISHERE")),
            (ASKED.replace("1.1", "1.0") + ASKED, PASSED.replace("1.1", "1.0") + PASSED),
            // Cut off in the middle.
            ("GET /a?\"\"".to_owned(), "GET /a?%22%22".to_owned()),
            // Not in a query.
            same("GET /\"a\"#?\" HTTP/1.1\r\n\r\n"),
            (
                format!("GET /\"a\"?b=\"?\"#\" HTTP/1.1\r\n\r\n{ASKED}"),
                format!("GET /\"a\"?b=%22?%22#\" HTTP/1.1\r\n\r\n{PASSED}"),
            ),
            // Bodies, and what looks like a request in one; and what comes behind.
            same("POST /a HTTP/1.1\r\nContent-Length: 13\r\n\r\na=\"b\"&c=?\"d\""),
            (
                format!("POST /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n{ASKED}{ASKED}", ASKED.len()),
                format!("POST /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n{ASKED}{PASSED}", ASKED.len()),
            ),
            // Other protocols, and nonsense.
            same(&format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\"{ASKED}")),
            same(&format!("\u{16}\u{3}\u{1}\r\n\r\n{ASKED}")),
            same("GET /a\r\n\r\nGET /a?\" HTTP/1.1\r\n\r\n"),
            same("GET /a HTTP/1.1 \r\n\r\nGET /a?\" HTTP/1.1\r\n\r\n"),
            same("GET /a HTTP/1.1\r\n\rGET /a?\" HTTP/1.1\r\n\r\n"),
            same("GET /a HTTP/1.12\r\n\r\nGET /a?\" HTTP/1.1\r\n\r\n"),
            same(""),
        ];
        certain.chain(uncertain).chain(others).chain(chunks()).chain(spoiled()).collect()
    }

    /// Bodies in chunks with a request behind, which is seen where the chunks are whole.
    fn chunks() -> Vec<(String, String)> {
        let long = format!("{:x};x=\"\r\n{ASKED}\r\n0\r\n\r\n", ASKED.len());
        let rows = [
            (long.as_str(), PASSED),
            ("1\r\n\n\r\n2 \r\n\r\n\r\n0\r\n\r\n", PASSED),
            ("0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nUpgrade: a\r\n\r\n", PASSED),
            // The library refuses these.
            ("\r\n\r\n", ASKED),
            ("-1\r\n\r\n0\r\n\r\n", ASKED),
            ("0x1\r\na\r\n0\r\n\r\n", ASKED),
            ("0\n\n", ASKED),
            ("10000000000000000\r\n\r\n", ASKED),
        ];
        let head = "POST /a HTTP/1.1\r\nTransfer-Encoding: \tCHUNKED \r\n\r\n";
        rows.map(|(body, behind)| (format!("{head}{body}{ASKED}"), format!("{head}{body}{behind}"))).into()
    }

    /// What has two readings: up to a byte (`!`) that is spoiled, wherever on a connection it is.
    fn spoiled() -> Vec<(String, String)> {
        let rows = [
            ("\n", "!"),
            ("GET /a HTTP/1.1\n\n", "GET /a HTTP/1.1!\n"),
            ("GET /a HTTP/1.0\n\n", "GET /a HTTP/1.0!\n"),
            ("GET /a HTTP/1.1\r\n\n", "GET /a HTTP/1.1\r\n!"),
            ("GET /a HTTP/1.1\r\nHost: a\n\r\n", "GET /a HTTP/1.1\r\nHost: a!\r\n"),
            ("GET /a HTTP/1.1\r\nHost:\n\r\n", "GET /a HTTP/1.1\r\nHost:!\r\n"),
            ("GET /a HTTP/1.1\r\nHost: a\r\n\n", "GET /a HTTP/1.1\r\nHost: a\r\n!"),
            ("GET /a HTTP/1.1\r\nContent-Length: 5\n\r\n", "GET /a HTTP/1.1\r\nContent-Length: 5!\r\n"),
            (
                "GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\n\r\n",
                "GET /a HTTP/1.1\r\nTransfer-Encoding: chunked!\r\n",
            ),
            ("GET /a HTTP/1.1\r\nUpgrade: a\n\r\n", "GET /a HTTP/1.1\r\nUpgrade: a!\r\n"),
        ];
        let framings = [
            ("Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked! chunked"),
            ("Transfer-Encoding: gzip, chunked", "Transfer-Encoding: !zip, chunked"),
            ("Transfer-Encoding: identity", "Transfer-Encoding: !dentity"),
            ("Transfer-Encoding: xchunked", "Transfer-Encoding: !chunked"),
            ("Transfer-Encoding: chunked;q=1", "Transfer-Encoding: chunked!q=1"),
            ("Transfer-Encoding:", "Transfer-Encoding:!"),
            ("Transfer-Encoding: chunk ed", "Transfer-Encoding: chunk!ed"),
            (
                "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked",
                "Transfer-Encoding: chunked\r\ntransfer-encoding! chunked",
            ),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", "Transfer-Encoding: chunked\r\nContent-Length! 5"),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nTransfer-Encoding! chunked"),
            ("Content-Length: 0\r\nHost: a\r\ncontent-length: 0", "Content-Length: 0\r\nHost: a\r\ncontent-length! 0"),
            (
                "Upgrade: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
                "Upgrade: a\r\nContent-Length: 5\r\nTransfer-Encoding! chunked",
            ),
        ];
        let framings = framings.map(|(sent, read)| {
            // A header without a value is spoiled at the end of its line.
            let end = if read.ends_with('!') { "\n" } else { "\r\n" };
            (format!("POST /a HTTP/1.1\r\n{sent}\r\n\r\n"), format!("POST /a HTTP/1.1\r\n{read}{end}\r\n"))
        });
        let rows = rows.map(|(sent, read)| (sent.to_owned(), read.to_owned())).into_iter().chain(framings);
        let before = [
            String::new(),
            "GET /a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n\n\n".to_owned(),
            "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n".to_owned(),
        ];
        let all = rows.flat_map(|(sent, read)| {
            before
                .clone()
                .map(|before| (format!("{before}{sent}{ASKED}"), format!("{before}{}{ASKED}", read.replace('!', "\0"))))
        });
        all.collect()
    }

    /// What is read when the bytes come in these pieces.
    fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
        let mut heads = Heads::new();
        let text = pieces.flat_map(|piece| {
            let (found, mut piece) = (heads.find(piece), piece.to_vec());
            found.spoil(&mut piece);
            escaped(&piece, &found.quotes)
        });
        let text: Vec<u8> = text.collect();
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn quotation_marks_are_escaped_what_is_ambiguous_is_spoiled_and_nothing_else_wherever_a_read_ends() {
        for (sent, expected) in rows() {
            let bytes = sent.as_bytes();
            assert_eq!(read(bytes.chunks(1)), expected, "{sent:?}");
            for at in 0..=bytes.len() {
                assert_eq!(read([&bytes[..at], &bytes[at..]].into_iter()), expected, "{sent:?} at {at}");
            }
        }
    }

    #[tokio::test]
    async fn a_reader_with_little_room_gets_all_of_it() {
        for (sent, expected) in rows() {
            for room in [1, 2, 3, 7, 24, 1000] {
                let mut stream = Worded::new(sent.as_bytes(), api_error).strict();
                let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
                loop {
                    let length = stream.read(&mut buffer).await.expect("a slice");
                    if length == 0 {
                        break;
                    }
                    all.extend_from_slice(&buffer[..length]);
                }
                assert_eq!(String::from_utf8(all).expect("text"), expected, "{room}");
            }
        }
    }
}
