//! Writing JSON by hand, for messages of a known form that are made at every event.

use std::fmt::{Display, Write};

/// An object that is being written.
pub struct Object {
    text: String,
    empty: bool,
}

impl Object {
    pub fn new() -> Object {
        Object::with_capacity(256)
    }

    /// `bytes` is a guess of its length.
    pub fn with_capacity(bytes: usize) -> Object {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Object { text, empty: true }
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.empty) {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    /// A string of any characters.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Object {
        self.key(key);
        push_string(&mut self.text, value);
        self
    }

    /// JSON that is written already.
    pub fn json(&mut self, key: &str, value: &str) -> &mut Object {
        self.key(key);
        self.text.push_str(value);
        self
    }

    /// A number, `true`, `false` or `null`; or what shows itself as JSON.
    pub fn raw(&mut self, key: &str, value: impl Display) -> &mut Object {
        self.key(key);
        let written = write!(self.text, "{value}");
        written.expect("a String takes everything");
        self
    }

    pub fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

impl Default for Object {
    fn default() -> Self {
        Object::new()
    }
}

/// A JSON array of values that are JSON already.
pub fn array(values: impl IntoIterator<Item = String>) -> String {
    let mut text = String::from("[");
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&value);
    }
    text.push(']');
    text
}

/// A JSON string.
pub fn string(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    push_string(&mut text, value);
    text
}

fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            letter if letter < ' ' => {
                let written = write!(text, "\\u{:04x}", u32::from(letter));
                written.expect("a String takes everything");
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for value in ["", "plain", "a\"b\\c", "line\nfeed\u{0}", "ü 漢 😀", "\u{7f}"] {
            let mut object = Object::new();
            object.text("k", value).raw("n", 5).raw("b", true).json("j", "[1]");
            let read: serde_json::Value = serde_json::from_str(&object.finish()).expect("JSON");
            assert_eq!(read, serde_json::json!({ "k": value, "n": 5, "b": true, "j": [1] }));
            assert_eq!(serde_json::from_str::<String>(&string(value)).expect("JSON"), value);
        }
        assert_eq!(Object::new().finish(), "{}");
        assert_eq!(array(["1".to_owned(), "2".to_owned()]), "[1,2]");
    }
}
