//! A request as it comes in a text frame: `{"id", "method", "params"}`.

use std::borrow::Cow;

use allin_wire::binance::{ApiError, Code};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::params::{Params, illegal};

/// Longest id, bytes of JSON.
const ID_MAX: usize = 128;

/// A request whose form is right.
#[derive(Debug)]
pub struct Request {
    /// JSON, as it came; `null` when there was none.
    pub id: String,
    /// Without its version.
    pub method: String,
    pub params: Params,
    pub api_key: Option<String>,
    pub return_rate_limits: Option<bool>,
    /// What a signature is over: all parameters but itself, sorted by name.
    pub payload: Vec<u8>,
}

/// A request whose form is not, with the id if that could be read.
#[derive(Debug)]
pub struct Malformed {
    pub id: String,
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

/// Names and values in order, whether or not a name comes twice.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl Request {
    pub fn parse(text: &str) -> Result<Request, Malformed> {
        const INVALID: ApiError = ApiError::new(Code::InvalidJson, "Invalid JSON Request");
        let nameless = |error| Malformed { id: "null".to_owned(), error };
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
        let id = id.to_owned();
        let failed = |error| Malformed { id: id.clone(), error };
        let method = envelope.method.ok_or_else(|| failed(ApiError::malformed("method")))?;
        let method = method.strip_prefix("v3/").unwrap_or(&method).to_owned();
        let Pairs(pairs) = match envelope.params.map(RawValue::get) {
            None | Some("null") => Pairs(Vec::new()),
            Some(object) => serde_json::from_str(object).map_err(|_| failed(INVALID))?,
        };
        let pairs = texts(pairs).map_err(failed)?;
        let mut request = Request {
            id: id.clone(),
            method,
            payload: payload(&pairs),
            params: Params::default(),
            api_key: None,
            return_rate_limits: None,
        };
        let mut rest = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            match name.as_str() {
                "apiKey" if request.api_key.is_none() => request.api_key = Some(value),
                "returnRateLimits" => request.return_rate_limits = Some(flag(&value).map_err(failed)?),
                _ => rest.push((name, value)),
            }
        }
        request.params = Params::new(rest).map_err(failed)?;
        Ok(request)
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
fn is_id(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    json.len() <= ID_MAX && (json == "null" || json.starts_with('"') || is_number)
}

/// Strings as they are meant, everything else as it is written; what is null was not sent.
fn texts(pairs: Vec<(String, Box<RawValue>)>) -> Result<Vec<(String, String)>, ApiError> {
    let mut texts = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let json = value.get();
        let text = match json.as_bytes().first() {
            Some(b'n') => continue,
            Some(b'"') => serde_json::from_str(json).map_err(|_| {
                ApiError::with(Code::InvalidJson, format!("JSON sent for parameter '{name}' is not valid"))
            })?,
            _ => json.to_owned(),
        };
        texts.push((name, text));
    }
    Ok(texts)
}

fn payload(pairs: &[(String, String)]) -> Vec<u8> {
    let mut signed: Vec<_> = pairs.iter().filter(|(name, _)| name != "signature").collect();
    signed.sort_by(|one, other| one.0.cmp(&other.0));
    let parts: Vec<String> = signed.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join("&").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_sorted_and_as_written() {
        let text = r#"{"id":"a-1","method":"v3/order.place","params":{"symbol":"BTCUSDT","price":52000.00,"apiKey":"K",
            "signature":"S","n":null,"quantity":"0.01000000","flag":true,"symbols":["A","B"],"name":"１é\u0041"}}"#;
        let request = Request::parse(text).expect("a request");
        assert_eq!((request.id.as_str(), request.method.as_str()), (r#""a-1""#, "order.place"));
        let payload = String::from_utf8(request.payload).expect("text");
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
            let got =
                got.as_ref().map(|request| request.id.as_str()).map_err(|bad| (bad.id.as_str(), bad.error.code as i32));
            assert_eq!(got, *wanted, "{text}");
        }
        let deep = format!(r#"{{"id":1,"method":"ping","params":{{"a":{}}}}}"#, "[".repeat(10_000));
        assert!(Request::parse(&deep).is_err());
        let long = format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(ID_MAX));
        assert_eq!(Request::parse(&long).expect_err("too long").error.code, Code::IllegalChars);
    }
}
