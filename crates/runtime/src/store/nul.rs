//! The character U+0000, which PostgreSQL's text cannot hold: it is written as two others.

use std::borrow::Cow;

/// For private use, so that texts hardly have it; one that has is written twice.
const MARK: char = '\u{F8FE}';
const ZERO: char = '0';

/// As it is stored.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', MARK]) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => stored.extend([MARK, ZERO]),
            MARK => stored.extend([MARK, MARK]),
            c => stored.push(c),
        }
    }
    Cow::Owned(stored)
}

/// As it was.
pub(super) fn restored(stored: String) -> String {
    if !stored.contains(MARK) {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut chars = stored.chars();
    while let Some(c) = chars.next() {
        match c {
            MARK if chars.next() == Some(ZERO) => text.push('\0'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_has_no_zero_and_comes_back() {
        for text in ["", "a", "\0", "a\0b\0", "\u{F8FE}", "\u{F8FE}0", "\0\u{F8FE}\0", "0\u{F8FE}\u{F8FE}00"] {
            let stored = escaped(text);
            assert!(!stored.contains('\0'));
            assert_eq!(restored(stored.into_owned()), text);
        }
    }
}
