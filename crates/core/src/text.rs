//! Short text of a fixed capacity, so that commands and events own no heap memory.

use std::fmt;

/// Up to `N` bytes of UTF-8 (N at most 255). Empty means "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

/// A client order id: Binance Spot REST, `newClientOrderId`, at most 36 characters of `[.A-Z:/a-z0-9_-]`.
pub type ClientId = Text<36>;

/// Symbol of an asset or a market.
pub type Symbol = Text<20>;

/// A short label: a business type of a ledger entry, the source of an order.
pub type Label = Text<31>;

impl<const N: usize> Text<N> {
    pub const EMPTY: Text<N> = Text { len: 0, bytes: [0; N] };

    /// `None` when the text is longer than `N` bytes.
    pub fn new(text: &str) -> Option<Text<N>> {
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Text { len: u8::try_from(text.len()).ok()?, bytes })
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len as usize]).expect("made from a str")
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// True for the characters that a client order id may have, and 1 to 36 of them.
pub fn is_client_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 36
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'/' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_what_fits_and_refuses_the_rest() {
        assert_eq!(Text::<4>::new("abcd").map(|t| t.to_string()), Some("abcd".into()));
        assert_eq!(Text::<4>::new("abcde"), None);
        assert!(is_client_id("x-HNA2.a:/b_c"));
        for bad in ["", "a b", "é", "a\n", &"a".repeat(37)] {
            assert!(!is_client_id(bad), "{bad:?}");
        }
    }
}
