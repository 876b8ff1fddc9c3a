//! What a request asks for: its host and its path, taken only in the one spelling that nobody can read in another way.

use std::net::IpAddr;

use hyper::Request;
use hyper::header::HOST;
use hyper::http::uri::Authority;

use crate::refusal::Refusal;

/// Longest host that is one (RFC 1035).
const HOST_MAX: usize = 253;

/// The host that is asked, lower-case, without port and trailing dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address or `localhost`: no name of ours, so that whoever asks has only an address to go by.
    pub fn is_anonymous(&self) -> bool {
        self.0 == "localhost" || self.0.starts_with('[') || self.0.parse::<IpAddr>().is_ok()
    }

    /// Whether it is the domain or lies below it.
    pub fn is_within(&self, domain: &str) -> bool {
        self.0.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// Reads `:authority`, absolute form and `Host`, which have to agree where there is more than one of them.
pub fn host_of<B>(request: &Request<B>) -> Result<Host, Refusal> {
    let mut said: Option<(String, Option<u16>)> = None;
    let from_uri = request.uri().authority().map(Authority::as_str);
    let mut headers = request.headers().get_all(HOST).iter();
    let from_header = headers.next().map(|value| value.to_str().map_err(|_| Refusal::Host));
    if headers.next().is_some() {
        return Err(Refusal::Host);
    }
    for text in [from_uri.map(Ok), from_header].into_iter().flatten() {
        let one = normal(text?)?;
        if said.replace(one.clone()).is_some_and(|other| other != one) {
            return Err(Refusal::Host);
        }
    }
    said.map(|(host, _)| Host(host)).ok_or(Refusal::Host)
}

/// Host and port of `host`, `host:port` or `[v6]:port`.
fn normal(text: &str) -> Result<(String, Option<u16>), Refusal> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, rest)) => {
            let address: std::net::Ipv6Addr = inside.parse().map_err(|_| Refusal::Host)?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(Refusal::Host)?) };
            (format!("[{address}]"), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (name(host)?, Some(port)),
            None => (name(text)?, None),
        },
    };
    let port = match port {
        None => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| Refusal::Host)?)
        }
        Some(_) => return Err(Refusal::Host),
    };
    Ok((host, port))
}

fn name(text: &str) -> Result<String, Refusal> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(plain);
    if text.len() > HOST_MAX || !text.split('.').all(label) {
        return Err(Refusal::Host);
    }
    Ok(text.to_ascii_lowercase())
}

/// Refuses every path that some reader could take for another one: RFC 3986's normalisation, and what servers are known
/// to do besides (`\` as `/`, `;` parameters, decoding twice), must leave it as it is. Then matching and forwarding the
/// same bytes is safe.
pub fn check_path(path: &str) -> Result<(), Refusal> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(Refusal::Path);
    }
    // The part after the last slash may be empty.
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment == "." || segment == ".." || (segment.is_empty() && !last) {
            return Err(Refusal::Path);
        }
        check_segment(segment.as_bytes())?;
    }
    Ok(())
}

fn check_segment(bytes: &[u8]) -> Result<(), Refusal> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'%' {
            let escaped = bytes.get(at + 1..at + 3).ok_or(Refusal::Path)?;
            let value = digit(escaped[0])? << 4 | digit(escaped[1])?;
            // What need not be escaped, what separates, what controls, and the escape itself.
            if is_unreserved(value) || value < 0x20 || value == 0x7f || b"/\\;%".contains(&value) {
                return Err(Refusal::Path);
            }
            decoded.push(value);
            at += 3;
        } else if is_unreserved(byte) || b"!$&'()*+,=:@".contains(&byte) {
            decoded.push(byte);
            at += 1;
        } else {
            return Err(Refusal::Path);
        }
    }
    // Overlong forms are no UTF-8.
    std::str::from_utf8(&decoded).map(|_| ()).map_err(|_| Refusal::Path)
}

/// Only the digits that normalisation writes.
fn digit(byte: u8) -> Result<u8, Refusal> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(Refusal::Path),
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        let taken = [
            "/",
            "/api/v3/order",
            "/api/v3/",
            "/ws/btcusdt@depth",
            "/ws/!ticker@arr",
            "/a/%C3%A9",
            "/a+b",
            "/...",
            "/a.b",
            "/%40",
        ];
        for path in taken {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        let refused = [
            "",
            "*",
            "api",
            "//",
            "//api",
            "/api//v3",
            "/.",
            "/..",
            "/api/.",
            "/api/..",
            "/api/../v3",
            "/./api",
            "/%2e/a",
            "/%2E%2E/a",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5Cb",
            "/a\\b",
            "/a;b",
            "/a;/b",
            "/..;/a",
            "/a%3Bb",
            "/%",
            "/%4",
            "/%zz",
            "/%00",
            "/a%0A",
            "/%7F",
            "/%61pi",
            "/%7e",
            "/%25",
            "/%252e",
            "/%c3%a9",
            "/%C0%AF",
            "/%C0%AE%C0%AE/",
            "/%E0%80%AF",
            "/%FF",
            "/a b",
            "/é",
            "/a|b",
            "/{a}",
            "/a\"",
            "/a^b",
            "/[a]",
            "/a<b",
            "/a`",
            "/a#b",
        ];
        for path in refused {
            assert_eq!(check_path(path), Err(Refusal::Path), "{path}");
        }
    }

    #[test]
    fn a_host_is_read_in_every_spelling() {
        let rows = [
            ("API.allin.localhost", Some("api.allin.localhost")),
            ("api.allin.localhost.", Some("api.allin.localhost")),
            ("api.allin.localhost:8080", Some("api.allin.localhost")),
            ("Api.Allin.Localhost.:80", Some("api.allin.localhost")),
            ("[::1]:8080", Some("[::1]")),
            ("[0:0::1]", Some("[::1]")),
            ("127.0.0.1:1", Some("127.0.0.1")),
            ("a..b", None),
            (".a", None),
            ("a.b..", None),
            ("", None),
            (":80", None),
            ("a:", None),
            ("a:b", None),
            ("a:+1", None),
            ("a:65536", None),
            ("a:1:2", None),
            ("user@a", None),
            ("a/b", None),
            ("a b", None),
            ("a%2eb", None),
            ("[::1", None),
            ("[::1]x", None),
            ("é.a", None),
        ];
        for (text, want) in rows {
            assert_eq!(normal(text).ok().map(|(host, _)| host).as_deref(), want, "{text}");
        }
    }
}
