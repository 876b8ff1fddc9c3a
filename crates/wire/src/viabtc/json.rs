//! A JSON value that borrows from its text, read in one pass.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Most keys of one object. Duplicates are looked for by comparing, so this bounds the work.
pub const KEYS_MAX: usize = 256;

/// A value. Depth is bounded by serde_json (128).
#[derive(Clone, PartialEq, Debug)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// A whole number without point or exponent, and not `-0`.
    Integer(i64),
    /// One above the range of `Integer`.
    Unsigned(u64),
    /// Anything else: never accepted as a number, kept for free-form details.
    Float(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    /// In the order of the text; no key twice.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => Json::Integer(value),
            Err(_) => Json::Unsigned(value),
        })
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        // Most parameter lists have this many; a growing Vec would begin with four and copy.
        let mut array = Vec::with_capacity(8);
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut object: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(Key(key)) = entries.next_key()? {
            if object.len() == KEYS_MAX {
                return Err(A::Error::custom("too many keys"));
            }
            if object.iter().any(|(other, _)| *other == key) {
                return Err(A::Error::custom("duplicate key"));
            }
            object.push((key, entries.next_value()?));
        }
        Ok(Json::Object(object))
    }
}

/// A key that borrows when it has no escapes (a plain `Cow` would always own).
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(value)))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl serde::Serialize for Json<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Integer(value) => serializer.serialize_i64(*value),
            Json::Unsigned(value) => serializer.serialize_u64(*value),
            Json::Float(value) => serializer.serialize_f64(*value),
            Json::Text(text) => serializer.serialize_str(text),
            Json::Array(items) => serializer.collect_seq(items),
            Json::Object(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_ambiguous() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let keys: String = (0..=KEYS_MAX).map(|n| format!("\"k{n}\":1,")).collect();
        let many = format!("{{{}}}", keys.trim_end_matches(','));
        let rows: [&[u8]; 14] = [
            b"{\"a\":1,\"a\":1}",
            b"{\"a\":1,\"\\u0061\":2}",
            b"[{\"b\":{\"a\":1,\"a\":1}}]",
            b"[1e999]",
            b"[NaN]",
            b"[Infinity]",
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"[01]",
            b"[1,]",
            b"[1] x",
            b"",
            deep.as_bytes(),
            many.as_bytes(),
        ];
        for row in rows {
            assert!(
                serde_json::from_slice::<Json>(row).is_err(),
                "{:?}",
                String::from_utf8_lossy(&row[..row.len().min(40)])
            );
        }
    }

    #[test]
    fn keeps_integers_apart_from_floats() {
        let value: Json = serde_json::from_str("[1,-1,18446744073709551615,1.0,1e0,-0,null,\"x\"]").expect("JSON");
        let Json::Array(items) = value else { panic!("an array") };
        assert_eq!(items[0], Json::Integer(1));
        assert_eq!(items[1], Json::Integer(-1));
        assert_eq!(items[2], Json::Unsigned(u64::MAX));
        for float in &items[3..6] {
            assert!(matches!(float, Json::Float(_)), "{float:?}");
        }
        assert_eq!(items[6], Json::Null);
        assert!(matches!(&items[7], Json::Text(Cow::Borrowed("x"))));
    }
}
