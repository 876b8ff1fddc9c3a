//! Names that nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// Bytes from the system. Without randomness there is no secret to give out, so its absence ends the process.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes
}

/// 43 characters of `A-Z a-z 0-9 - _`, 256 bits.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// `count` characters of an alphabet of at most 256, each as likely.
pub fn text(alphabet: &[u8], count: usize) -> String {
    // Bytes beyond the last whole multiple would favour the first characters.
    let fair = 256 / alphabet.len() * alphabet.len();
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let drawn = bytes::<64>();
        let fit = drawn.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        text.extend(fit.take(count - text.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    text
}

/// As API keys and secrets of the Binance API: 64 letters and digits.
pub fn api_key() -> String {
    text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 64)
}

/// What is stored of a token: who reads the store cannot use it.
pub fn fingerprint(token: &str) -> String {
    hex(digest(&SHA256, token.as_bytes()).as_ref())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of exactly this many lower- or upper-case digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_length_and_alphabet() {
        for (alphabet, count) in [("0123456789", 6), ("abcdefghijklmnopqrstuvwxyz234567", 10), ("ab", 1000)] {
            let text = text(alphabet.as_bytes(), count);
            assert_eq!(text.len(), count);
            assert!(text.chars().all(|c| alphabet.contains(c)), "{text}");
        }
        assert_eq!(token().len(), 43);
        assert_ne!(api_key(), api_key());
    }

    #[test]
    fn hexadecimal_goes_and_comes() {
        assert_eq!(from_hex::<2>("0aFf"), Some([10, 255]));
        for wrong in ["", "0aF", "0aFf0", "0aFg", "+aFf"] {
            assert_eq!(from_hex::<2>(wrong), None, "{wrong}");
        }
        assert_eq!(hex(&[10, 255]), "0aff");
    }
}
