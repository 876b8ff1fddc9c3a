//! The envelope of a request: `{"method": …, "params": […], "id": …}`.

use std::borrow::Cow;

use super::json::Json;

/// The body is not a request: it is not JSON, not an object, or lacks a member of the right type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// A request whose method and parameters are not looked at yet. Unknown members are ignored (`jsonrpc` is common).
#[derive(Clone, PartialEq, Debug)]
pub struct Request<'a> {
    pub id: i64,
    pub method: Cow<'a, str>,
    pub params: Vec<Json<'a>>,
}

impl<'a> Request<'a> {
    pub fn parse(body: &'a [u8]) -> Result<Request<'a>, Malformed> {
        // Checking the text once makes every string in it cheap to take.
        let text = std::str::from_utf8(body).map_err(|_| Malformed)?;
        let Ok(Json::Object(members)) = serde_json::from_str(text) else {
            return Err(Malformed);
        };
        let (mut id, mut method, mut params) = (None, None, None);
        for (key, value) in members {
            match (&*key, value) {
                ("id", Json::Integer(value)) => id = Some(value),
                ("method", Json::Text(value)) => method = Some(value),
                ("params", Json::Array(value)) => params = Some(value),
                _ => {}
            }
        }
        match (id, method, params) {
            (Some(id), Some(method), Some(params)) => Ok(Request { id, method, params }),
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_envelope_or_nothing() {
        let request = Request::parse(br#" {"id":7,"jsonrpc":"2.0","params":[1,"BTC"],"method":"balance.query"} "#);
        let request = request.expect("a request");
        assert_eq!((request.id, &*request.method, request.params.len()), (7, "balance.query", 2));
        let rows: [&[u8]; 14] = [
            b"",
            b"null",
            b"[]",
            br#"[{"id":1,"method":"asset.list","params":[]}]"#,
            br#"{"method":"asset.list","params":[]}"#,
            br#"{"id":1,"params":[]}"#,
            br#"{"id":1,"method":"asset.list"}"#,
            br#"{"id":"1","method":"asset.list","params":[]}"#,
            br#"{"id":1.0,"method":"asset.list","params":[]}"#,
            br#"{"id":9223372036854775808,"method":"asset.list","params":[]}"#,
            br#"{"id":1,"method":"asset.list","params":{}}"#,
            br#"{"id":1,"id":1,"method":"asset.list","params":[]}"#,
            br#"{"id":1,"method":"asset.list","params":[]}{}"#,
            b"{\"id\":1,\"method\":\"\xff\",\"params\":[]}",
        ];
        for row in rows {
            assert_eq!(Request::parse(row), Err(Malformed), "{:?}", String::from_utf8_lossy(row));
        }
    }
}
