//! The envelope of a reply: `{"error": …, "result": …, "id": …}`.

use serde::Serialize;

use super::error::Error;

#[derive(Serialize)]
struct Reply<'a, T> {
    error: Option<Error>,
    result: Option<&'a T>,
    id: Option<i64>,
}

/// Room that most replies fit in.
const SIZE_HINT: usize = 512;

/// The body of a success. An absent result (an order that is not there) is `null`.
pub fn result_body<T: Serialize>(id: i64, result: &T) -> Vec<u8> {
    body(&Reply { error: None, result: Some(result), id: Some(id) })
}

/// The body of a failure; the id is `null` when the request told none.
pub fn error_body(id: Option<i64>, error: Error) -> Vec<u8> {
    body(&Reply::<()> { error: Some(error), result: None, id })
}

fn body<T: Serialize>(reply: &Reply<'_, T>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIZE_HINT);
    serde_json::to_writer(&mut bytes, reply).expect("replies have text keys and go to memory");
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::Code;
    use super::*;

    #[test]
    fn envelopes() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(text(result_body(-5, &"x")), r#"{"error":null,"result":"x","id":-5}"#);
        assert_eq!(
            text(error_body(None, Code::InvalidArgument.into())),
            r#"{"error":{"code":1,"message":"invalid argument"},"result":null,"id":null}"#
        );
        let error = Error { code: Code::InvalidArgument, reason: Some("lot_size") };
        assert_eq!(
            text(error_body(Some(1), error)),
            r#"{"error":{"code":1,"message":"invalid argument","reason":"lot_size"},"result":null,"id":1}"#
        );
    }
}
