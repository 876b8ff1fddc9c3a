//! Words for what the HTTP library refuses by itself. A request that it cannot read (a malformed or too long head) it answers
//! with a status and no body; the stream between it and the client adds one, in the API's own shape. Some it need not refuse.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::heads::Heads;

/// The statuses that the library answers with on its own: Bad Request, URI Too Long, Request Header Fields Too Large.
const STATUSES: [u16; 3] = [400, 414, 431];
/// Header lines of such an answer, in whichever order.
const HEADERS: [&str; 3] = ["connection: close", "content-length: 0", "date: "];

/// The body for a status.
pub type Words = fn(u16) -> String;

/// As `{"code", "msg"}` (Binance Spot REST, error codes).
pub fn api_error(status: u16) -> String {
    let msg = if status == 400 { "The request is malformed." } else { "The request's head is too large." };
    format!("{{\"code\":-1000,\"msg\":\"{msg}\"}}")
}

/// A stream on which the library's own refusals get a body.
pub struct Worded<S> {
    inner: S,
    words: Words,
    /// What is to be written in place of what the library gave.
    waiting: Vec<u8>,
    heads: Option<Heads>,
}

impl<S> Worded<S> {
    pub fn new(inner: S, words: Words) -> Worded<S> {
        Worded { inner, words, waiting: Vec::new(), heads: None }
    }

    /// Refuses requests whose end has two readings, and takes raw quotation marks in queries; for a stream that is not taken
    /// back.
    pub fn strict(self) -> Worded<S> {
        Worded { heads: Some(Heads::new()), ..self }
    }

    /// The stream itself, for what comes after HTTP.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// The library's own answer with a body; none for any other bytes.
fn worded(bytes: &[u8], words: Words) -> Option<Vec<u8>> {
    let head = bytes.strip_suffix(b"\r\n\r\n")?;
    if !head.starts_with(b"HTTP/1.") || head.len() > 256 {
        return None;
    }
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status_line = lines.next()?;
    let status: u16 = status_line.split(' ').nth(1)?.parse().ok().filter(|status| STATUSES.contains(status))?;
    let lines: Vec<&str> = lines.collect();
    let own =
        lines.len() == HEADERS.len() && HEADERS.iter().all(|header| lines.iter().any(|line| line.starts_with(header)));
    if !own {
        return None;
    }
    let date = lines.iter().find(|line| line.starts_with("date: "))?;
    let body = words(status);
    let length = body.len();
    let kind = "content-type: application/json;charset=UTF-8";
    Some(
        format!("{status_line}\r\n{kind}\r\nconnection: close\r\ncontent-length: {length}\r\n{date}\r\n\r\n{body}")
            .into(),
    )
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(context, &self.waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Worded { inner, heads, .. } = &mut *self;
        match heads {
            Some(heads) => heads.poll_read(inner, context, into),
            None => Pin::new(inner).poll_read(context, into),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_waiting(context))?;
        match worded(bytes, self.words) {
            Some(answer) => {
                self.waiting = answer;
                Poll::Ready(Ok(bytes.len()))
            }
            None => Pin::new(&mut self.inner).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_waiting(context))?;
        // A refusal is one piece.
        let mut filled = pieces.iter().filter(|piece| !piece.is_empty());
        match (filled.next(), filled.next()) {
            (Some(only), None) => self.poll_write(context, only),
            _ => Pin::new(&mut self.inner).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_library_s_own_answers_get_words() {
        let date = "date: Sat, 28 Nov 2026 14:00:00 GMT";
        let own = format!(
            "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n{date}\r\n\r\n"
        );
        let told = String::from_utf8(worded(own.as_bytes(), api_error).expect("words")).expect("text");
        let body = r#"{"code":-1000,"msg":"The request's head is too large."}"#;
        assert!(told.starts_with("HTTP/1.1 431 ") && told.ends_with(&format!("\r\n\r\n{body}")), "{told}");
        assert!(told.contains(&format!("\r\ncontent-length: {}\r\n", body.len())) && told.contains(date), "{told}");
        let others = [
            own.replace("431", "200"),
            own.replace("431", "404"),
            own.replace("connection: close\r\n", ""),
            own.replace("content-length: 0", "content-length: 2") + "{}",
            own.replace(date, &format!("content-type: text/plain\r\n{date}")),
            own.replace("HTTP/1.1", "HTTP/2"),
            "\r\n\r\n".to_owned(),
            format!("HTTP/1.1 400 Bad Request\r\n{}", "x".repeat(1000)),
        ];
        for other in others {
            assert_eq!(worded(other.as_bytes(), api_error), None, "{other}");
        }
    }
}
