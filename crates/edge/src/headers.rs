//! Headers that belong to one connection, and those that say where a request came from.

use std::net::IpAddr;

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Tells a service who asks.
pub const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What `Connection` can never take out of a message: its length and its host are not the sender's to hide.
const KEPT: [HeaderName; 2] = [HOST, CONTENT_LENGTH];

/// Takes out the headers of this hop, those that `Connection` names included (RFC 9110, 7.6.1).
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| !KEPT.contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    // The body's length was read already, so `Transfer-Encoding` is written anew.
    let hop = [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
        EXPECT,
    ];
    for name in hop {
        headers.remove(name);
    }
}

/// Where a request comes from, as the services are to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client.
    pub client: IpAddr,
    /// Whether the client's own connection is encrypted.
    pub https: bool,
    /// What a trusted proxy said of the way before it.
    pub before: Option<HeaderValue>,
}

/// Puts our word on the origin in place of whatever the request says of itself.
pub fn set_origin(headers: &mut HeaderMap, origin: &Origin, peer: IpAddr) {
    for name in [FORWARDED, FORWARDED_HOST, FORWARDED_PORT, FORWARDED_PREFIX] {
        headers.remove(name);
    }
    let value = |text: String| HeaderValue::from_str(&text).expect("an address is a header's value");
    headers.insert(REAL_IP, value(origin.client.to_string()));
    let before = origin.before.as_ref().and_then(|before| before.to_str().ok());
    let chain = before.map_or_else(|| peer.to_string(), |before| format!("{before}, {peer}"));
    headers.insert(FORWARDED_FOR, value(chain));
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(if origin.https { "https" } else { "http" }));
}

/// Puts the pieces of a cookie that HTTP/2 may send together again (RFC 9113, 8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    let pieces: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if pieces.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&pieces.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_hop_stays_there() {
        let mut headers = HeaderMap::new();
        let rows = [
            ("connection", "close, x-mine, host, content-length"),
            ("connection", "x-other"),
            ("x-mine", "1"),
            ("x-other", "1"),
            ("x-kept", "1"),
            ("host", "a"),
            ("content-length", "0"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "x"),
        ];
        for (name, value) in rows {
            headers.append(name, HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "x-kept"]);
    }
}
