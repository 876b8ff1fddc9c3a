//! Reads requests of the usual form in one pass. What is written in any other way (an escape in a string, an array among the
//! parameters, a name twice, a fault) is left to the general reader: for what this one takes, both give the same.

use std::borrow::Cow;

use super::request::{Pair, Parts, USUAL, is_id};

/// None where it is not of the usual form.
pub(super) fn parts(text: &str) -> Option<Parts<'_>> {
    let mut scan = Scan { text, at: 0 };
    let (mut id, mut method, mut pairs) = (None, None, None);
    scan.members(|scan, name| match name {
        "id" if id.is_none() => scan.value().map(|json| id = Some(json)),
        "method" if method.is_none() => scan.string().map(|text| method = Some(text)),
        "params" if pairs.is_none() => scan.pairs().map(|all| pairs = Some(all)),
        _ => None,
    })?;
    scan.space();
    let id = id.unwrap_or("null");
    (scan.at == text.len() && is_id(id)).then_some(())?;
    Some(Parts { id, method: Cow::Borrowed(method?), pairs: pairs.unwrap_or_default() })
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Says how many there were.
    fn skip(&mut self, which: impl Fn(u8) -> bool) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().position(|byte| !which(*byte)).unwrap_or(rest.len());
        self.at += count;
        count
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// An object, and `each` reads the value of a name.
    fn members(&mut self, mut each: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.space();
        self.take(b'{')?;
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.take(b':')?;
            self.space();
            each(self, name)?;
            self.space();
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// The letters of a string that stand for themselves.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let from = self.at;
        self.skip(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        let letters = &self.text[from..self.at];
        self.take(b'"').map(|()| letters)
    }

    /// A string, a number, `true`, `false` or `null`, as it is written.
    fn value(&mut self) -> Option<&'a str> {
        let from = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'-' | b'0'..=b'9' => self.number()?,
            _ => {
                self.skip(|byte| byte.is_ascii_lowercase());
                matches!(&self.text[from..self.at], "true" | "false" | "null").then_some(())?;
            }
        }
        Some(&self.text[from..self.at])
    }

    /// Without an exponent.
    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        let from = self.at;
        let digits = self.skip(|byte| byte.is_ascii_digit());
        (digits > 0 && (digits == 1 || self.text.as_bytes()[from] != b'0')).then_some(())?;
        if self.take(b'.').is_some() && self.skip(|byte| byte.is_ascii_digit()) == 0 {
            return None;
        }
        (!matches!(self.peek(), Some(b'e' | b'E'))).then_some(())
    }

    /// Parameters; what is null was not sent.
    fn pairs(&mut self) -> Option<Vec<Pair<'a>>> {
        let mut pairs = Vec::with_capacity(USUAL);
        self.members(|scan, name| {
            let json = scan.value()?;
            let value = json.strip_prefix('"').map_or(json, |rest| &rest[..rest.len() - 1]);
            if json != "null" {
                pairs.push((name.into(), value.into()));
            }
            Some(())
        })?;
        Some(pairs)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::request::general;
    use super::*;

    const USUAL_ONES: [&str; 4] = [
        r#"{"id":7,"method":"order.place","params":{"symbol":"BTCUSDT","price":"1.50","quantity":0.5,"flag":true,"n":null}}"#,
        r#"{ "params" : { "a" : -1.0 , "ü" : "漢" } , "method" : "v3/x", "id" : "a-1" }"#,
        r#"{"id":null,"method":"ping","params":{"a":""}}"#,
        r#"{"method":"ping"}"#,
    ];

    fn same(text: &str) {
        if let Some(parts) = parts(text) {
            assert_eq!(general(text).ok().as_ref(), Some(&parts), "{text}");
        }
    }

    #[test]
    fn usual_requests_are_read_in_one_pass_and_others_are_left() {
        for text in USUAL_ONES {
            assert!(parts(text).is_some(), "{text}");
            same(text);
        }
        let left = [
            "",
            "{",
            "{}",
            "[]",
            "null",
            r#"{"id":1}"#,
            r#"{"method":"a\n"}"#,
            r#"{"method":"a","x":1}"#,
            r#"{"method":"a","method":"b"}"#,
            r#"{"id":01,"method":"a"}"#,
            r#"{"id":1.,"method":"a"}"#,
            r#"{"id":1e5,"method":"a"}"#,
            r#"{"id":true,"method":"a"}"#,
            r#"{"id":-,"method":"a"}"#,
            r#"{"method":"a","params":null}"#,
            r#"{"method":"a","params":{}}"#,
            r#"{"method":"a","params":{"a":[1]}}"#,
            r#"{"method":"a","params":{"a":tru}}"#,
            r#"{"method":"a",}"#,
            r#"{"method":"a"}x"#,
            r#"{"method":"a"}}"#,
            "{\"method\":\"a\u{1f}\"}",
        ];
        for text in left {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_the_general_reader_reads(
            which in 0..USUAL_ONES.len(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(
                vec!["", "\"", "\\", "{", "}", ",", ":", " ", "0", "1", "-", ".", "e", "null", "[", "]", "\u{1}", "é", "id", "\"a\":1,"],
            )), 0..4),
        ) {
            let mut letters: Vec<String> = USUAL_ONES[which].chars().map(String::from).collect();
            for (at, text) in edits {
                let at = at.index(letters.len());
                letters[at] = text.to_owned();
            }
            same(&letters.concat());
        }
    }
}
