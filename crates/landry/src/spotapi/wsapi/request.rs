//! A request as it comes in a text frame: `{"id", "method", "params"}`.

use std::borrow::Cow;

use allin_wire::binance::{ApiError, Code};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::params::{Params, illegal};
use super::scan;

/// Longest id, bytes of JSON.
const ID_MAX: usize = 128;
/// Parameters that most requests have at most.
pub(super) const USUAL: usize = 16;

/// A request whose form is right.
#[derive(Debug)]
pub struct Request<'a> {
    /// JSON, as it came; `null` when there was none.
    pub id: &'a str,
    method: Cow<'a, str>,
    pub params: Params,
    pub api_key: Option<String>,
    pub return_rate_limits: Option<bool>,
    pairs: Vec<Pair<'a>>,
}

/// A request whose form is not, with the id if that could be read.
#[derive(Debug)]
pub struct Malformed<'a> {
    pub id: &'a str,
    pub error: ApiError,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    params: Option<&'a RawValue>,
}

/// A parameter's name and value as text. Few are other than they are written, and only those are copied.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Names and values in order, whether or not a name comes twice.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Pairs<'de>, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::with_capacity(USUAL);
                while let Some((Name(name), value)) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// What a request is made of.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Parts<'a> {
    pub id: &'a str,
    pub method: Cow<'a, str>,
    pub pairs: Vec<Pair<'a>>,
}

/// Reads a request, however it is written.
pub(super) fn general(text: &str) -> Result<Parts<'_>, Malformed<'_>> {
    const INVALID: ApiError = ApiError::new(Code::InvalidJson, "Invalid JSON Request");
    let nameless = |error| Malformed { id: "null", error };
    // An array would do for the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(nameless(INVALID));
    }
    let envelope: Envelope = serde_json::from_str(text).map_err(|_| nameless(INVALID))?;
    let id = match envelope.id.map(RawValue::get) {
        None => "null",
        Some(id) if is_id(id) => id,
        Some(_) => return Err(nameless(illegal("id", "^[a-zA-Z0-9-_]{1,36}$"))),
    };
    let failed = |error| Malformed { id, error };
    let method = envelope.method.ok_or_else(|| failed(ApiError::malformed("method")))?;
    let Pairs(pairs) = match envelope.params.map(RawValue::get) {
        None | Some("null") => Pairs(Vec::new()),
        Some(object) => serde_json::from_str(object).map_err(|_| failed(INVALID))?,
    };
    Ok(Parts { id, method, pairs: texts(pairs).map_err(failed)? })
}

impl<'a> Request<'a> {
    pub fn parse(text: &'a str) -> Result<Request<'a>, Malformed<'a>> {
        let Parts { id, method, pairs } = scan::parts(text).map_or_else(|| general(text), Ok)?;
        let failed = |error| Malformed { id, error };
        let mut return_rate_limits = None;
        for (_, value) in pairs.iter().filter(|(name, _)| name == "returnRateLimits") {
            return_rate_limits = Some(flag(value).map_err(failed)?);
        }
        let (mut params, mut api_key) = (Params::usual(), None);
        for (name, value) in &pairs {
            match &**name {
                "apiKey" if api_key.is_none() => api_key = Some(value.to_string()),
                "returnRateLimits" => {}
                _ => params.push(name, value).map_err(failed)?,
            }
        }
        Ok(Request { id, method, params, api_key, return_rate_limits, pairs })
    }

    /// Without its version.
    pub fn method(&self) -> &str {
        self.method.strip_prefix("v3/").unwrap_or(&self.method)
    }

    /// What a signature is over: all parameters but itself, sorted by name.
    pub fn payload(&self) -> Vec<u8> {
        let mut signed: Vec<_> = self.pairs.iter().filter(|(name, _)| name != "signature").collect();
        signed.sort_by(|one, other| one.0.cmp(&other.0));
        let parts: Vec<String> = signed.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        parts.join("&").into_bytes()
    }
}

/// `true` or `false`.
pub fn flag(text: &str) -> Result<bool, ApiError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(illegal("returnRateLimits", "^(true|false)$")),
    }
}

/// A whole number, a string, or null.
pub(super) fn is_id(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    json.len() <= ID_MAX && (json == "null" || json.starts_with('"') || is_number)
}

/// Strings as they are meant, everything else as it is written; what is null was not sent.
fn texts<'a>(pairs: Vec<(Cow<'a, str>, &'a RawValue)>) -> Result<Vec<Pair<'a>>, ApiError> {
    let mut texts = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let json = value.get();
        let text = match json.as_bytes() {
            [b'n', ..] => continue,
            [b'"', written @ .., b'"'] if !written.contains(&b'\\') => json[1..json.len() - 1].into(),
            [b'"', ..] => serde_json::from_str::<String>(json).map(Cow::Owned).map_err(|_| {
                ApiError::with(Code::InvalidJson, format!("JSON sent for parameter '{name}' is not valid"))
            })?,
            _ => json.into(),
        };
        texts.push((name, text));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_sorted_and_as_written() {
        let text = r#"{"id":"a-1","method":"v3/order.place","params":{"symbol":"BTCUSDT","price":52000.00,"apiKey":"K",
            "signature":"S","n":null,"quantity":"0.01000000","flag":true,"symbols":["A","B"],"name":"１é\u0041"}}"#;
        let request = Request::parse(text).expect("a request");
        assert_eq!((request.id, request.method()), (r#""a-1""#, "order.place"));
        let payload = String::from_utf8(request.payload()).expect("text");
        let wanted =
            "apiKey=K&flag=true&name=１éA&price=52000.00&quantity=0.01000000&symbol=BTCUSDT&symbols=[\"A\",\"B\"]";
        assert_eq!(payload, wanted);
        assert_eq!(request.api_key.as_deref(), Some("K"));
        assert_eq!(request.params.get("n"), Ok(None));
        assert_eq!(request.params.get("signature"), Ok(Some("S")));
    }

    #[test]
    fn forms() {
        type Read = Result<&'static str, (&'static str, i32)>;
        let rows: &[(&str, Read)] = &[
            (r#"{"id":1,"method":"ping"}"#, Ok("1")),
            (r#"{"id":null,"method":"ping","params":null}"#, Ok("null")),
            (r#"{"method":"ping","params":{}}"#, Ok("null")),
            (r#"{"id":-5,"method":"ping","extra":1}"#, Ok("-5")),
            (r#"{"id":1.5,"method":"ping"}"#, Err(("null", -1100))),
            (r#"{"id":{},"method":"ping"}"#, Err(("null", -1100))),
            (r#"{"id":true,"method":"ping"}"#, Err(("null", -1100))),
            (r#"{"id":1}"#, Err(("1", -1102))),
            (r#"{"id":1,"method":5}"#, Err(("null", -1135))),
            (r#"{"id":1,"method":"ping","params":[1]}"#, Err(("1", -1135))),
            (r#"{"id":1,"method":"ping","params":"x"}"#, Err(("1", -1135))),
            (r#"{"id":1,"method":"ping","params":{"a":1,"a":2}}"#, Err(("1", -1101))),
            (r#"{"id":1,"method":"ping","params":{"returnRateLimits":"x"}}"#, Err(("1", -1100))),
            (r#"{"id":1,"id":2,"method":"ping"}"#, Err(("null", -1135))),
            ("", Err(("null", -1135))),
            ("[]", Err(("null", -1135))),
            ("{", Err(("null", -1135))),
        ];
        for (text, wanted) in rows {
            let got = Request::parse(text);
            let got = got.as_ref().map(|request| request.id).map_err(|bad| (bad.id, bad.error.code as i32));
            assert_eq!(got, *wanted, "{text}");
        }
        let deep = format!(r#"{{"id":1,"method":"ping","params":{{"a":{}}}}}"#, "[".repeat(10_000));
        assert!(Request::parse(&deep).is_err());
        let long = format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(ID_MAX));
        assert_eq!(Request::parse(&long).expect_err("too long").error.code, Code::IllegalChars);
    }
}
