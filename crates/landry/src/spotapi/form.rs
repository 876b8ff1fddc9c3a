//! Parameters of REST as they stand in query and body, and the bytes that a signature is over.

use std::borrow::Cow;

use allin_wire::binance::{ApiError, Code};
use percent_encoding::percent_decode;

use super::params::Params;

/// A request's parameters, and what its signature may cover (see [`super::security::Credentials`]).
#[derive(Debug)]
pub(super) struct Form {
    pub params: Params,
    pub payloads: Vec<Vec<u8>>,
}

impl Form {
    /// Of a parameter in both, the query's counts. Refuses what is not UTF-8.
    pub fn parse(query: &str, body: &[u8]) -> Result<Form, ApiError> {
        const UNREADABLE: ApiError = ApiError::new(Code::IllegalChars, "Illegal characters found in a parameter.");
        let body = std::str::from_utf8(body).map_err(|_| UNREADABLE)?;
        let in_query = pairs(query).ok_or(UNREADABLE)?;
        let in_body = pairs(body).ok_or(UNREADABLE)?;
        let (query, body) = (without_signature(query), without_signature(body));
        let mut payloads = vec![[query.as_bytes(), body.as_bytes()].concat()];
        // Some clients sign before they encode.
        if (query.contains('%') || body.contains('%'))
            && let (Some(query), Some(body)) = (plain(&query), plain(&body))
        {
            payloads.push(format!("{query}{body}").into_bytes());
        }
        Ok(Form { params: params(&in_query, &in_body)?, payloads })
    }
}

/// The query's, and those of the body that the query has not.
fn params(query: &[Pair<'_>], body: &[Pair<'_>]) -> Result<Params, ApiError> {
    let mut params = Params::usual();
    for (name, value) in query {
        params.push(name, value)?;
    }
    let queried = params.len();
    for (name, value) in body {
        if !params.has_among(queried, name) {
            params.push(name, value)?;
        }
    }
    Ok(params)
}

/// A name and its value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn split(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Names and values, decoded; none when they are no UTF-8.
fn pairs(text: &str) -> Option<Vec<Pair<'_>>> {
    split(text).map(|(name, value)| Some((decode(name)?, decode(value)?))).collect()
}

/// Most texts stand for themselves, and are not copied.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(text.into());
    }
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8().ok().map(|text| text.into_owned().into())
}

/// The text without its parameter `signature`, wherever that stands.
fn without_signature(text: &str) -> String {
    let (mut rest, mut separator) = (String::with_capacity(text.len()), "");
    for pair in text.split('&').filter(|pair| *pair != "signature" && !pair.starts_with("signature=")) {
        rest.push_str(separator);
        rest.push_str(pair);
        separator = "&";
    }
    rest
}

/// The text percent-decoded as a whole, if that says the same: else whoever saw a signed request could send one of
/// another meaning.
fn plain(text: &str) -> Option<String> {
    let plain = percent_decode(text.as_bytes()).decode_utf8().ok()?.into_owned();
    let same = split(&plain).eq(pairs(text)?.iter().map(|(name, value)| (&**name, &**value)));
    same.then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(query: &str, body: &str) -> Vec<String> {
        let form = Form::parse(query, body.as_bytes()).expect("parameters");
        form.payloads.into_iter().map(|payload| String::from_utf8(payload).expect("text")).collect()
    }

    #[test]
    fn a_signature_covers_what_arrived_or_what_it_says() {
        let rows: &[(&str, &str, &[&str])] = &[
            ("a=1&b=2&signature=X", "", &["a=1&b=2"]),
            ("signature=X&a=1", "", &["a=1"]),
            ("a=1&signature=X&b=2", "", &["a=1&b=2"]),
            ("", "a=1&signature=X", &["a=1"]),
            ("a=1", "b=2&signature=X", &["a=1b=2"]),
            ("a=x%2Fy&signature=X%3D", "", &["a=x%2Fy", "a=x/y"]),
            ("a=%5B%22B%22%5D", "c=%3A", &["a=%5B%22B%22%5Dc=%3A", "a=[\"B\"]c=:"]),
            // Decoded, these say something else.
            ("a=1%26b=2", "", &["a=1%26b=2"]),
            ("a%3D=1", "", &["a%3D=1"]),
            ("a=%2B+", "", &["a=%2B+"]),
        ];
        for (query, body, expected) in rows {
            assert_eq!(payloads(query, body), *expected, "{query} {body}");
        }
    }

    #[test]
    fn the_query_counts_before_the_body_and_twice_is_refused() {
        let form = Form::parse("a=1&c=+%2B", b"a=2&b=3").expect("parameters");
        assert_eq!(form.params.get("a"), Ok(Some("1")));
        assert_eq!(form.params.get("b"), Ok(Some("3")));
        assert_eq!(form.params.get("c"), Ok(Some(" +")));
        for (query, body, code) in [
            ("a=1&a=1", &b""[..], -1101),
            ("", b"a=1&a=2", -1101),
            ("a=%ff", b"", -1100),
            ("", b"a=\xff", -1100),
            (&"&x".repeat(3).replace('x', "a"), b"", -1101),
        ] {
            let error = Form::parse(query, body).expect_err("refused");
            assert_eq!(error.code as i32, code, "{query} {body:?}");
        }
        let many: Vec<String> = (0..200).map(|n| format!("p{n}=1")).collect();
        assert_eq!(Form::parse(&many.join("&"), b"").expect_err("too many").code, Code::TooManyParameters);
    }
}
