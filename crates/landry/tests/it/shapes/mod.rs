//! Names and types of what is told, against those that Binance documents (github.com/binance/binance-spot-api-docs,
//! rest-api.md, web-socket-api.md, user-data-stream.md, web-socket-streams.md of 2026-07; /sapi from the Wallet pages of
//! developers.binance.com). Clients that we do not know read these fields; what they hold is looked at elsewhere.
//!
//! A shape is written `{symbol:s price:d orderId:i isWorking:b fills?:[{qty:d}] note:s|n}`: `s` a text, `d` a number as text,
//! `i` a whole number, `b` true or false, `n` null, `o` any object, `[…]` an array whose items all have the shape and of
//! which there is one at least, `[…]?` one that may be empty, `(…)` an array of just these, `name?` a field that may be
//! missing, `|` either.

mod rest;
mod sapi;
mod streams;
mod user;

use serde_json::Value;

/// What is wrong with a value, by the place where it is.
pub fn faults(value: &Value, shape: &str) -> Vec<String> {
    let mut parser = Parser { rest: shape };
    let shape = parser.shape();
    assert!(parser.rest.trim().is_empty(), "a shape ends before {:?}", parser.rest);
    let mut faults = Vec::new();
    check(value, &shape, "", &mut faults);
    faults
}

#[derive(Clone, PartialEq, Debug)]
enum Shape {
    Text,
    Decimal,
    Whole,
    Flag,
    Null,
    Object,
    Fields(Vec<(String, bool, Shape)>),
    /// May it be empty?
    Array(Box<Shape>, bool),
    Tuple(Vec<Shape>),
    Either(Vec<Shape>),
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn eat(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.strip_prefix(wanted);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn name(&mut self) -> String {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.to_owned()
    }

    fn shape(&mut self) -> Shape {
        let mut all = vec![self.one()];
        while self.eat('|') {
            all.push(self.one());
        }
        if all.len() == 1 { all.remove(0) } else { Shape::Either(all) }
    }

    fn one(&mut self) -> Shape {
        if self.eat('{') {
            let mut fields = Vec::new();
            while !self.eat('}') {
                let name = self.name();
                let optional = self.eat('?');
                assert!(!name.is_empty() && self.eat(':'), "a field and its shape at {:?}", self.rest);
                fields.push((name, optional, self.shape()));
            }
            return Shape::Fields(fields);
        }
        if self.eat('[') {
            let item = self.shape();
            assert!(self.eat(']'), "an array ends at {:?}", self.rest);
            return Shape::Array(Box::new(item), self.eat('?'));
        }
        if self.eat('(') {
            let mut items = Vec::new();
            while !self.eat(')') {
                items.push(self.shape());
            }
            return Shape::Tuple(items);
        }
        match self.name().as_str() {
            "s" => Shape::Text,
            "d" => Shape::Decimal,
            "i" => Shape::Whole,
            "b" => Shape::Flag,
            "n" => Shape::Null,
            "o" => Shape::Object,
            other => panic!("what shape is {other:?} before {:?}?", self.rest),
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole) && digits(fraction)
}

fn check(value: &Value, shape: &Shape, place: &str, faults: &mut Vec<String>) {
    let mut fault = |what: &str| faults.push(format!("{place}: {what}, not {value}"));
    match (shape, value) {
        (Shape::Text, Value::String(_))
        | (Shape::Flag, Value::Bool(_))
        | (Shape::Null, Value::Null)
        | (Shape::Object, Value::Object(_)) => {}
        (Shape::Decimal, Value::String(text)) if is_decimal(text) => {}
        (Shape::Whole, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
        (Shape::Either(all), _) => {
            let fits = |shape: &Shape| {
                let mut found = Vec::new();
                check(value, shape, place, &mut found);
                found.is_empty()
            };
            if !all.iter().any(fits) {
                fault("one of several");
            }
        }
        (Shape::Array(item, may_be_empty), Value::Array(items)) => {
            if items.is_empty() && !may_be_empty {
                fault("at least one item");
            }
            items.iter().enumerate().for_each(|(at, value)| check(value, item, &format!("{place}[{at}]"), faults));
        }
        (Shape::Tuple(shapes), Value::Array(items)) if shapes.len() == items.len() => {
            for (at, (shape, value)) in shapes.iter().zip(items).enumerate() {
                check(value, shape, &format!("{place}[{at}]"), faults);
            }
        }
        (Shape::Fields(fields), Value::Object(object)) => {
            for (name, optional, shape) in fields {
                match object.get(name) {
                    Some(value) => check(value, shape, &format!("{place}.{name}"), faults),
                    None if *optional => {}
                    None => faults.push(format!("{place}: {name} is missing")),
                }
            }
            for name in object.keys().filter(|key| !fields.iter().any(|(name, ..)| name == *key)) {
                faults.push(format!("{place}: {name} is not documented"));
            }
        }
        _ => fault(&format!("{shape:?}")),
    }
}

#[test]
fn shapes_tell_what_is_wrong() {
    let rows = [
        (r#"{"a":"x","b":"1.50","c":-1,"d":true,"e":null}"#, "{a:s b:d c:i d:b e:n}", 0),
        (r#"{"a":"x"}"#, "{a:s b?:d}", 0),
        (r#"{"a":"x","z":1}"#, "{a:s}", 1),
        (r#"{"a":1}"#, "{a:s b:d}", 2),
        (r#"{"a":1.5}"#, "{a:i}", 1),
        (r#"{"a":"1.","b":".5","c":"","d":"1e3"}"#, "{a:d b:d c:d d:d}", 4),
        (r#"[["1","2"],["3","x"]]"#, "[(d d)]", 1),
        ("[]", "[s]", 1),
        ("[]", "[s]?", 0),
        (r#"{"a":null}"#, "{a:s|n}", 0),
        (r#"{"a":5}"#, "{a:s|n}", 1),
        (r#"[1]"#, "(i i)", 1),
    ];
    for (json, shape, wanted) in rows {
        let value = serde_json::from_str(json).expect("JSON");
        let found = faults(&value, shape);
        assert_eq!(found.len(), wanted, "{json} as {shape}: {found:?}");
    }
}
