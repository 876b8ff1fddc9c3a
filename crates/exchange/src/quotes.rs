//! Raw quotation marks in queries. `?symbols=["BTCUSDT"]` is how clients of this API are told to write a list (Binance Spot
//! REST, "Exchange information"), but no URI (RFC 3986), and the HTTP library refuses it. On its way to the library such a
//! `"` becomes `%22`, which says the same.
//!
//! Looks at nothing but the heads of requests, one after the other, as long as it is certain where they are: a request with a
//! body or an upgrade, another protocol, or anything unusual ends the looking for the rest of the connection.

use std::io::{self, BufRead};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};

/// Methods of requests that are looked at; `PRI`, with which HTTP/2 begins, is none.
const METHODS: [&[u8]; 7] = [b"GET", b"POST", b"DELETE", b"PUT", b"HEAD", b"OPTIONS", b"PATCH"];
/// The rest of a request line whose connection goes on after it.
const VERSION: &[u8] = b"HTTP/1.1\r\n";
/// Longest word that matters.
const WORD_MAX: usize = "transfer-encoding".len();
const ESCAPED: &[u8] = b"%22";

/// Where the next byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Before a request; the library overreads empty lines.
    Start,
    Method,
    Path,
    Query,
    Fragment,
    /// So many bytes of [`VERSION`] were there.
    Version(usize),
    /// At the beginning of a line of the head.
    Line,
    /// In the name of a header that may matter.
    Name,
    /// In the rest of a header's line.
    Value,
    /// In the value of `Content-Length`, and whether its only digit, a zero, was there.
    Length(bool),
    /// After the carriage return of the head's last line.
    End,
    /// Nothing is certain any more.
    Passing,
}

/// What is known of a connection's requests, and what of them is still to be read.
#[derive(Debug)]
pub(crate) struct Quotes {
    at: At,
    word: [u8; WORD_MAX],
    word_length: usize,
    /// What had no room in the reader's buffer once it was longer; at most thrice such a buffer.
    rest: Bytes,
}

impl Quotes {
    pub fn new() -> Quotes {
        Quotes { at: At::Start, word: [0; WORD_MAX], word_length: 0, rest: Bytes::new() }
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
        let read = &into.filled()[before..];
        let quotes = self.find(read);
        if !quotes.is_empty() {
            self.rest = escaped(read, &quotes).into();
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

    /// Where the next bytes have a quotation mark in a query.
    fn find(&mut self, bytes: &[u8]) -> Vec<usize> {
        let (mut quotes, mut at) = (Vec::new(), 0);
        while let Some(byte) = bytes.get(at) {
            match self.at {
                At::Passing => break,
                // Most of a head is this.
                At::Value => at += self.skip_line(&bytes[at..]),
                now => {
                    if now == At::Query && *byte == b'"' {
                        quotes.push(at);
                    }
                    self.at = self.after(*byte);
                    at += 1;
                }
            }
        }
        quotes
    }

    /// The bytes to the end of the line, if that is there.
    fn skip_line(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        // A slice cannot fail.
        let length = rest.skip_until(b'\n').unwrap_or(bytes.len());
        if bytes[..length].ends_with(b"\n") {
            self.at = At::Line;
        }
        length
    }

    fn after(&mut self, byte: u8) -> At {
        match (self.at, byte) {
            (At::Start, b'\r' | b'\n') => At::Start,
            (At::Start, _) => self.begin_word(byte, At::Method),
            (At::Method, b' ') if METHODS.contains(&self.word()) => At::Path,
            (At::Method, b'A'..=b'Z') => self.go_on(byte, At::Method, At::Passing),
            (At::Path | At::Query | At::Fragment, b' ') => At::Version(0),
            (At::Path, b'?') => At::Query,
            (At::Path | At::Query, b'#') => At::Fragment,
            (At::Path | At::Query | At::Fragment, b'!'..=b'~' | 0x80..) => self.at,
            (At::Version(8), b'\n') => At::Line,
            (At::Version(so_far), _) if VERSION.get(so_far) == Some(&byte) => match so_far + 1 {
                length if length == VERSION.len() => At::Line,
                length => At::Version(length),
            },
            (At::Line, b'\r') => At::End,
            (At::Line | At::End, b'\n') => At::Start,
            // One line that goes on in the next: nobody writes that any more.
            (At::Line, b' ' | b'\t') => At::Passing,
            (At::Line, b'C' | b'c' | b'T' | b't' | b'U' | b'u') => self.begin_word(byte, At::Name),
            (At::Line, _) => At::Value,
            (At::Name, b':') => match self.word() {
                b"content-length" => At::Length(false),
                b"transfer-encoding" | b"upgrade" => At::Passing,
                _ => At::Value,
            },
            (At::Name, b'!'..=b'~') => self.go_on(byte, At::Name, At::Value),
            (At::Length(false), b'0') | (At::Length(true), b'\r') => At::Length(true),
            (At::Length(known), b' ' | b'\t') => At::Length(known),
            (At::Length(true), b'\n') => At::Line,
            _ => At::Passing,
        }
    }

    fn word(&self) -> &[u8] {
        &self.word[..self.word_length]
    }

    fn begin_word(&mut self, byte: u8, at: At) -> At {
        self.word_length = 0;
        self.go_on(byte, at, at)
    }

    /// A name counts in either case, a method in upper case, which its place in the head takes care of.
    fn go_on(&mut self, byte: u8, at: At, too_long: At) -> At {
        let Some(place) = self.word.get_mut(self.word_length) else { return too_long };
        *place = if at == At::Name { byte.to_ascii_lowercase() } else { byte };
        self.word_length += 1;
        at
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
            "Content-Type: text/plain",
            "Content-Length-Of-Something: 5",
            "Cookie: a=\"Content-Length: 5\"",
            "Transfer-Encodings: x",
            "TE: trailers",
            "Upgrade-Insecure-Requests: 1",
            "X: Upgrade: websocket",
            "Content-Length: 0\r\nReferer: http://a/?\"",
        ];
        let uncertain = [
            "Content-Length: 7",
            "CONTENT-LENGTH: 00",
            "Content-Length: 10",
            "Content-Length: 0, 7",
            "Content-Length:",
            "Content-Length : 0",
            "Host: a\r\nContent-Length: 0\r\ncontent-length: 7",
            "Transfer-Encoding: chunked",
            "transfer-encoding: identity",
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
            (format!("\r\n\n{ASKED}\r\n{ASKED}"), format!("\r\n\n{PASSED}\r\n{PASSED}")),
            (ASKED.replace("\r\n", "\n").repeat(2), PASSED.replace("\r\n", "\n").repeat(2)),
            (ASKED.replace("GET", "DELETE"), PASSED.replace("GET", "DELETE")),
            // Cut off in the middle.
            ("GET /a?\"\"".to_owned(), "GET /a?%22%22".to_owned()),
            // An older protocol may be asked once.
            (ASKED.replace("1.1", "1.0") + ASKED, PASSED.replace("1.1", "1.0") + ASKED),
            // Not in a query.
            same("GET /\"a\"#?\" HTTP/1.1\r\n\r\n"),
            (
                format!("GET /\"a\"?b=\"?\"#\" HTTP/1.1\r\n\r\n{ASKED}"),
                format!("GET /\"a\"?b=%22?%22#\" HTTP/1.1\r\n\r\n{PASSED}"),
            ),
            // Bodies, and what looks like a request in one.
            same("POST /a HTTP/1.1\r\nContent-Length: 13\r\n\r\na=\"b\"&c=?\"d\""),
            same(&format!("POST /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n{ASKED}", ASKED.len())),
            same(&format!(
                "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{ASKED}\r\n0\r\n\r\n",
                ASKED.len()
            )),
            // Other protocols, and nonsense.
            same(&format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\"{ASKED}")),
            same(&format!("\u{16}\u{3}\u{1}\r\n\r\n{ASKED}")),
            same(&ASKED.replace("GET", "get")),
            same(&ASKED.replace("GET", "BREW")),
            same(&ASKED.replace("GET", "PROPERTIESOFTHISHERE")),
            same("GET /a\r\n\r\nGET /a?\" HTTP/1.1\r\n\r\n"),
            same("GET /a HTTP/1.1 \r\n\r\nGET /a?\" HTTP/1.1\r\n\r\n"),
            same("GET /a HTTP/1.1\r\n\rGET /a?\" HTTP/1.1\r\n\r\n"),
            same("GET /a HTTP/1.12\r\n\r\nGET /a?\" HTTP/1.1\r\n\r\n"),
            same(""),
        ];
        certain.chain(uncertain).chain(others).collect()
    }

    /// What is read when the bytes come in these pieces.
    fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
        let mut quotes = Quotes::new();
        let text: Vec<u8> = pieces.flat_map(|piece| escaped(piece, &quotes.find(piece))).collect();
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn quotation_marks_in_queries_are_escaped_and_nothing_else_wherever_a_read_ends() {
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
                let mut stream = Worded::new(sent.as_bytes(), api_error).with_quotes();
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
