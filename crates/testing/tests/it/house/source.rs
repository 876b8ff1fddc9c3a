//! What no source file contains, and how long it may be.

use super::sources;

/// About 300 lines is the aim; beyond this a file has two subjects.
const LINES_MAX: usize = 600;

/// Pieces of code that must not be committed. Each is put together here, so that this file does not contain it.
const REFUSED: [(&str, &str); 5] = [
    (concat!("to", "do!("), "finish it, or leave it out and open an issue"),
    (concat!("unimple", "mented!("), "finish it, or leave it out and open an issue"),
    (concat!("db", "g!("), "tracing::debug! in services, nothing in the core"),
    (concat!("#[ig", "nore"), "make it fast, or put it into `make bench`"),
    (concat!("rustfmt::", "skip"), "let the formatter have its way"),
];

/// What the core must not touch. Clippy refuses most of it as well (crates/core/clippy.toml).
const REFUSED_IN_CORE: [(&str, &str); 13] = [
    ("f32", "amounts are integers"),
    ("f64", "amounts are integers"),
    ("HashMap", "BTreeMap, or a look-up type without iterators"),
    ("HashSet", "BTreeSet, or a look-up type without iterators"),
    ("RandomState", "randomness arrives in commands"),
    ("Instant", "time arrives in the command"),
    ("SystemTime", "time arrives in the command"),
    ("println", "an event"),
    ("eprintln", "an event"),
    ("std::thread", "the core has one thread: its caller's"),
    ("std::fs", "input and output belong to the runtime"),
    ("std::io", "input and output belong to the runtime"),
    ("std::net", "input and output belong to the runtime"),
];

/// Code without comments and without the contents of strings and characters, line by line.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let taken = string_len(rest, &out);
                let lines = rest[..taken].matches('\n').count();
                out.push_str("\"\"");
                out.extend(std::iter::repeat_n('\n', lines));
                taken
            }
            '\'' if char_len(rest).is_some() => {
                out.push_str("''");
                char_len(rest).unwrap_or(1)
            }
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// The length of the string literal that `rest` begins with; `before` tells whether it is a raw one.
fn string_len(rest: &str, before: &str) -> usize {
    let stem = before.trim_end_matches('#');
    let hashes = &before[stem.len()..];
    let inner = &rest[1..];
    if stem.ends_with('r') {
        let end = format!("\"{hashes}");
        return inner.find(&end).map_or(rest.len(), |at| 1 + at + end.len());
    }
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 2,
            _ => {}
        }
    }
    rest.len()
}

/// The length of the character literal that `rest` begins with, unless it is a lifetime.
fn char_len(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
    }
    let (at, _) =
        if first == '\\' { chars.find(|(_, c)| *c == '\'')? } else { chars.next().filter(|(_, c)| *c == '\'')? };
    Some(at + 1)
}

/// A float literal or one of the words, with the number of its line.
fn core_faults(text: &str) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    for (number, line) in code(text).lines().enumerate() {
        let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for (word, instead) in REFUSED_IN_CORE {
            let path = word.contains("::") && line.contains(word);
            if path || words.clone().any(|other| other == word) {
                faults.push((number + 1, format!("{word}: instead, {instead}")));
            }
        }
        if words.any(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with("f64")) || has_float(line)
        {
            faults.push((number + 1, "a float literal: amounts are integers".to_owned()));
        }
    }
    faults
}

/// Digits, a point, digits; but not `x.0.1`, which is a field of a field.
fn has_float(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (1..bytes.len()).any(|point| {
        if bytes[point] != b'.' || !digit(point - 1) || !digit(point + 1) {
            return false;
        }
        let number = bytes[..point].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        let start = point - number.count();
        bytes[start].is_ascii_digit() && (start == 0 || bytes[start - 1] != b'.')
    })
}

#[test]
fn files_have_one_subject() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines: split it by subject (at most {LINES_MAX})");
    }
}

#[test]
fn nothing_unfinished_is_committed() {
    for (path, text) in sources() {
        let code = code(&text);
        for (piece, instead) in REFUSED {
            assert!(!code.contains(piece), "{path} contains {piece}: {instead}");
        }
    }
}

#[test]
fn the_core_is_pure() {
    let mut files = 0;
    for (path, text) in sources().iter().filter(|(path, _)| path.starts_with("crates/core/src/")) {
        files += 1;
        if let Some((line, fault)) = core_faults(text).first() {
            panic!("{path}:{line}: {fault}");
        }
    }
    assert!(files > 3, "only {files} files of the core were found");
}

#[test]
fn every_crate_says_what_it_owns_and_what_it_never_does() {
    let heads = sources().into_iter().filter(|(path, _)| {
        let depth = path.matches('/').count();
        depth == 3 && (path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"))
    });
    let mut crates = 0;
    for (path, text) in heads {
        crates += 1;
        let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let says = head.starts_with("//! Owns") && head.contains("Never");
        assert!(says, "{path} must begin: //! Owns … / Never … / Known limits …");
    }
    assert!(crates >= 8, "only {crates} crates were found");
}

#[test]
fn the_rules_see_what_they_are_for() {
    assert_eq!(code("a // b\n\"c // d\\\" e\" f"), "a \n\"\" f");
    assert_eq!(code("r#\"a\"b\"# c '\"' d '\\'' e 'f g"), "r#\"\" c '' d '' e 'f g");
    for bad in
        ["let a = 1.5;", "let a: f64 = b;", "let a = 2f64;", "use std::collections::HashMap;", "std::fs::read(x)"]
    {
        assert_eq!(core_faults(bad).len(), 1, "{bad}");
    }
    for good in ["a.0.1", "0..5", "// 1.5", "parse(\"1.5\")", "a.1.0 + b", "let offset = network;", "x[0].1"] {
        assert_eq!(core_faults(good), [], "{good}");
    }
}
