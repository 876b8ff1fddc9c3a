//! What a client asks for: `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`
//! (Binance Spot, "Live Subscribing/Unsubscribing to streams" and its error messages).

use serde_json::Value;

use crate::jsontext::{self, Object};

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Request {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    List,
    SetCombined(bool),
    GetCombined,
}

/// A request's id as JSON: echoed.
pub(super) type Id = String;

/// A refused request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub code: u8,
    pub msg: String,
    /// `null` when it could not be read.
    pub id: Id,
}

/// Longest text id, characters.
const ID_MAX: usize = 36;
const METHODS: &str = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";

impl Refusal {
    fn new(code: u8, msg: impl Into<String>, id: &Id) -> Refusal {
        Refusal { code, msg: msg.into(), id: id.clone() }
    }

    fn invalid(msg: &str, id: &Id) -> Refusal {
        Refusal::new(2, format!("Invalid request: {msg}"), id)
    }

    pub fn too_many_streams(max: u32, id: &Id) -> Refusal {
        Refusal::invalid(&format!("too many streams; at most {max} of a connection"), id)
    }

    pub fn away(msg: &str, id: &Id) -> Refusal {
        Refusal::new(4, msg, id)
    }

    pub fn json(&self) -> String {
        let mut object = Object::new();
        object.raw("code", self.code).text("msg", &self.msg).raw("id", &self.id);
        object.finish()
    }
}

/// A successful answer; `result` is JSON.
pub(super) fn answer(result: &str, id: &Id) -> String {
    let mut object = Object::with_capacity(64 + result.len());
    object.raw("result", result).raw("id", id);
    object.finish()
}

pub(super) fn parse(text: &str) -> Result<(Request, Id), Refusal> {
    let null = || "null".to_owned();
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Refusal::new(3, format!("Invalid JSON: expected value at line {line} column {column}"), &null())
    })?;
    let Value::Object(fields) = value else {
        return Err(Refusal::invalid("expected an object", &null()));
    };
    let id = match fields.get("id") {
        None => return Err(Refusal::invalid("request ID must be an unsigned integer", &null())),
        Some(id) => read_id(id).ok_or_else(|| Refusal::invalid("request ID must be an unsigned integer", &null()))?,
    };
    let end = text.trim_end().chars().count();
    let method = match fields.get("method") {
        Some(Value::String(method)) => method,
        Some(_) => return Err(Refusal::invalid("method must be a string", &id)),
        None => return Err(Refusal::invalid(&format!("missing field `method` at line 1 column {end}"), &id)),
    };
    let params: &[Value] = match fields.get("params") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(params)) => params,
        Some(_) => return Err(Refusal::invalid("params must be an array", &id)),
    };
    let request = match method.as_str() {
        "SUBSCRIBE" => Request::Subscribe(names(params, &id)?),
        "UNSUBSCRIBE" => Request::Unsubscribe(names(params, &id)?),
        "LIST_SUBSCRIPTIONS" if params.is_empty() => Request::List,
        "LIST_SUBSCRIPTIONS" => return Err(Refusal::invalid("too many parameters", &id)),
        "SET_PROPERTY" => set_property(params, &id)?,
        "GET_PROPERTY" => {
            property(params, 1, &id)?;
            Request::GetCombined
        }
        unknown => {
            let column = text.find(unknown).map_or(end, |at| text[..at].chars().count() + unknown.chars().count() + 1);
            let msg = format!("unknown variant `{unknown}`, expected one of {METHODS} at line 1 column {column}");
            return Err(Refusal::invalid(&msg, &id));
        }
    };
    Ok((request, id))
}

/// A whole number of 64 bits, a short text of letters and digits, or null. Clients put `-` and `_` into their texts too.
fn read_id(id: &Value) -> Option<Id> {
    match id {
        Value::Null => Some("null".to_owned()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::String(text) => {
            let fits = text.chars().count() <= ID_MAX
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
            fits.then(|| jsontext::string(text))
        }
        _ => None,
    }
}

fn names(params: &[Value], id: &Id) -> Result<Vec<String>, Refusal> {
    let name = |value: &Value| match value {
        Value::String(name) if name.len() <= super::stream::NAME_MAX => Ok(name.clone()),
        Value::String(_) => Err(Refusal::invalid("stream name is too long", id)),
        _ => Err(Refusal::invalid("stream name must be a string", id)),
    };
    params.iter().map(name).collect()
}

fn set_property(params: &[Value], id: &Id) -> Result<Request, Refusal> {
    property(params, 2, id)?;
    match params.get(1) {
        Some(Value::Bool(combined)) => Ok(Request::SetCombined(*combined)),
        _ => Err(Refusal::new(1, "Invalid value type: expected Boolean", id)),
    }
}

/// Checks the property's name, which comes first of at most `max` parameters.
fn property(params: &[Value], max: usize, id: &Id) -> Result<(), Refusal> {
    match params.first() {
        Some(Value::String(_)) if params.len() > max => Err(Refusal::invalid("too many parameters", id)),
        Some(Value::String(name)) if name == "combined" => Ok(()),
        Some(Value::String(_)) => Err(Refusal::new(0, "Unknown property", id)),
        _ => Err(Refusal::invalid("property name must be a string", id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let two = || vec!["a@trade".to_owned(), "b".to_owned()];
        let good: Vec<(&str, Request, &str)> = vec![
            (r#"{"method":"SUBSCRIBE","params":["a@trade","b"],"id":1}"#, Request::Subscribe(two()), "1"),
            (r#"{"method":"UNSUBSCRIBE","params":["a@trade","b"],"id":"x-1"}"#, Request::Unsubscribe(two()), "\"x-1\""),
            (r#"{"method":"LIST_SUBSCRIPTIONS","id":null}"#, Request::List, "null"),
            (r#"{"method":"LIST_SUBSCRIPTIONS","params":[],"id":-5}"#, Request::List, "-5"),
            (r#"{"method":"SET_PROPERTY","params":["combined",true],"id":1}"#, Request::SetCombined(true), "1"),
            (r#"{"method":"GET_PROPERTY","params":["combined"],"id":1}"#, Request::GetCombined, "1"),
            (r#"{"id":9223372036854775807,"method":"SUBSCRIBE"}"#, Request::Subscribe(vec![]), "9223372036854775807"),
        ];
        for (text, request, id) in good {
            assert_eq!(parse(text), Ok((request, id.to_owned())), "{text}");
        }
    }

    #[test]
    fn refusals() {
        let id_refused = "Invalid request: request ID must be an unsigned integer";
        let name_refused = "Invalid request: property name must be a string";
        let bad: Vec<(&str, u8, &str, &str)> = vec![
            (r#"{"method":"SET_PROPERTY","params":["x",true],"id":1}"#, 0, "Unknown property", "1"),
            (r#"{"method":"GET_PROPERTY","params":["x"],"id":1}"#, 0, "Unknown property", "1"),
            (
                r#"{"method":"SET_PROPERTY","params":["combined","true"],"id":1}"#,
                1,
                "Invalid value type: expected Boolean",
                "1",
            ),
            (
                r#"{"method":"SET_PROPERTY","params":["combined"],"id":1}"#,
                1,
                "Invalid value type: expected Boolean",
                "1",
            ),
            (r#"{"method":"SET_PROPERTY","params":[1,true],"id":1}"#, 2, name_refused, "1"),
            (r#"{"method":"GET_PROPERTY","id":1}"#, 2, name_refused, "1"),
            (
                r#"{"method":"GET_PROPERTY","params":["combined",1],"id":1}"#,
                2,
                "Invalid request: too many parameters",
                "1",
            ),
            (
                r#"{"method":"LIST_SUBSCRIPTIONS","params":["x"],"id":1}"#,
                2,
                "Invalid request: too many parameters",
                "1",
            ),
            (r#"{"method":"SUBSCRIBE","params":["a"]}"#, 2, id_refused, "null"),
            (r#"{"method":"SUBSCRIBE","params":["a"],"id":1.5}"#, 2, id_refused, "null"),
            (r#"{"method":"SUBSCRIBE","params":["a"],"id":{}}"#, 2, id_refused, "null"),
            (r#"{"method":"SUBSCRIBE","params":["a"],"id":"a b"}"#, 2, id_refused, "null"),
            (
                r#"{"method":"SUBSCRIBE","params":["a"],"id":"0123456789012345678901234567890123456"}"#,
                2,
                id_refused,
                "null",
            ),
            (r#"{"method":"SUBSCRIBE","params":[1],"id":1}"#, 2, "Invalid request: stream name must be a string", "1"),
            (r#"{"method":"SUBSCRIBE","params":"a","id":1}"#, 2, "Invalid request: params must be an array", "1"),
            (r#"{"params":["a"],"id":1}"#, 2, "Invalid request: missing field `method` at line 1 column 23", "1"),
            ("[]", 2, "Invalid request: expected an object", "null"),
            ("", 3, "Invalid JSON: expected value at line 1 column 0", "null"),
            ("{", 3, "Invalid JSON: expected value at line 1 column 1", "null"),
            ("ping", 3, "Invalid JSON: expected value at line 1 column 1", "null"),
        ];
        for (text, code, msg, id) in bad {
            assert_eq!(parse(text), Err(Refusal { code, msg: msg.to_owned(), id: id.to_owned() }), "{text}");
        }
        let unknown = parse(r#"{"method":"SUBSCRIBES","id":1}"#).expect_err("a typo").msg;
        assert_eq!(
            unknown,
            format!("Invalid request: unknown variant `SUBSCRIBES`, expected one of {METHODS} at line 1 column 22")
        );
        let deep = "[".repeat(100_000);
        assert_eq!(parse(&deep).expect_err("too deep").code, 3);
    }

    #[test]
    fn answers() {
        assert_eq!(answer("null", &"1".to_owned()), r#"{"result":null,"id":1}"#);
        let refusal = Refusal::new(3, "no \"JSON\"", &"\"x\"".to_owned());
        assert_eq!(refusal.json(), r#"{"code":3,"msg":"no \"JSON\"","id":"x"}"#);
    }
}
