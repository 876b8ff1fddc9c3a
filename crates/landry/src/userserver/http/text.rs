//! Texts of requests: each kind has its length and its characters, checked when it is read, and says so in the description.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $chars:expr, $pattern:expr, $fits:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq)]
            pub struct $name(pub String);

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = String::deserialize(deserializer)?;
                    let fits: fn(&str) -> bool = $fits;
                    let chars: RangeInclusive<usize> = $chars;
                    match chars.contains(&text.chars().count()) && fits(&text) {
                        true => Ok($name(text)),
                        false => Err(serde::de::Error::custom(concat!("no ", stringify!($name)))),
                    }
                }
            }

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let chars: RangeInclusive<usize> = $chars;
                    let pattern: Option<&str> = $pattern;
                    ObjectBuilder::new()
                        .schema_type(Type::String)
                        .min_length(Some(*chars.start()))
                        .max_length(Some(*chars.end()))
                        .pattern(pattern)
                        .into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )*
    };
}

texts! {
    /// A mail address; compared in lower case.
    Email: 6..=128, Some(EMAIL), is_email;
    /// A password, as it is: no rule but its length (NIST SP 800-63B).
    Password: 8..=128, None, |_| true;
    /// What a mail or an authenticator shows.
    SixDigits: 6..=6, Some("^[0-9]{6}$"), |text| text.bytes().all(|byte| byte.is_ascii_digit());
    RecoveryCode: 11..=11, Some("^[a-z2-7]{5}-[a-z2-7]{5}$"), is_recovery_code;
    /// What a registration, a reset or a session is known by.
    Token: 43..=43, Some("^[A-Za-z0-9_-]{43}$"), |text| text.bytes().all(is_base64url);
    /// A name that a user gives to a thing.
    Label: 1..=32, Some("^[A-Za-z0-9][A-Za-z0-9 ._-]*$"), is_label;
    AntiPhishing: 4..=20, Some("^[A-Za-z0-9]+$"), |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Referral: 8..=8, Some("^[A-Z2-9]{8}$"), |text| text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'9'));
    /// ISO 3166-1 alpha-2.
    Country: 2..=2, Some("^[A-Z]{2}$"), |text| text.bytes().all(|byte| byte.is_ascii_uppercase());
    /// ISO 639-1, with a region where it matters.
    Language: 2..=5, Some("^[a-z]{2}(-[A-Z]{2})?$"), is_language;
    Currency: 2..=10, Some("^[A-Z0-9]+$"), |text| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    /// A sentence of a reviewer.
    Note: 0..=200, Some("^[ -~]*$"), |text| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    /// A public key, PEM.
    Pem: 1..=2000, None, |_| true;
    /// An address, or a range as `ADDRESS/BITS`.
    IpText: 2..=43, Some("^[0-9a-fA-F:.]+(/[0-9]{1,3})?$"), is_ip_text;
}

const EMAIL: &str =
    "^[A-Za-z0-9_%+-]+(\\.[A-Za-z0-9_%+-]+)*@[A-Za-z0-9]+(-[A-Za-z0-9]+)*(\\.[A-Za-z0-9]+(-[A-Za-z0-9]+)*)+$";

impl Email {
    pub fn lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Octets before the `@` (RFC 5321, 4.5.3.1.1).
const NAME_MAX: usize = 64;

fn is_email(text: &str) -> bool {
    let dotted = |text: &str, fits: fn(&str) -> bool| text.split('.').all(|part| !part.is_empty() && fits(part));
    let local = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_%+-".contains(&b));
    let label = |part: &str| part.split('-').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    let Some((name, domain)) = text.split_once('@') else { return false };
    name.len() <= NAME_MAX && dotted(name, local) && dotted(domain, label) && domain.contains('.')
}

fn is_recovery_code(text: &str) -> bool {
    let part = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    let bytes = text.as_bytes();
    bytes.len() == 11 && part(&bytes[..5]) && bytes[5] == b'-' && part(&bytes[6..])
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn is_label(text: &str) -> bool {
    text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte))
}

fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once('-').map_or((text, None), |(language, region)| (language, Some(region)));
    let two = |text: &str, fits: fn(&u8) -> bool| text.len() == 2 && text.as_bytes().iter().all(fits);
    two(language, u8::is_ascii_lowercase) && region.is_none_or(|region| two(region, u8::is_ascii_uppercase))
}

fn is_ip_text(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, "0"), |(address, bits)| (address, bits));
    !address.is_empty()
        && address.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
        && (1..=3).contains(&bits.len())
        && bits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads<T: for<'de> Deserialize<'de>>(text: &str) -> bool {
        serde_json::from_value::<T>(text.into()).is_ok()
    }

    #[test]
    fn mail_addresses() {
        for fits in ["a@b.c", "a@b.co", "First.Last+tag@mail.example-site.org", "1_%-@x1.y2"]
            .map(|e| e.replace("a@b.c", "aa@b.cd"))
        {
            assert!(reads::<Email>(&fits), "{fits}");
        }
        let wrong = [
            "",
            "a@b.c",
            "aaaaaa",
            "aaa@bbb",
            "@bbb.ccc",
            "aaa@.ccc",
            "aaa@bbb.",
            ".aaa@bbb.cc",
            "aa..a@bbb.cc",
            "a a@bbb.cc",
            "aaa@b@b.cc",
            "aaa@-bb.cc",
            "aaa@bb-.cc",
            "aaa@bbb.cc\n",
            "a\r\nBcc: x@y.zz",
            "aaa@b--b.cc",
            "äaa@bbb.cc",
        ];
        for text in wrong {
            assert!(!reads::<Email>(text), "{text:?}");
        }
        assert!(reads::<Email>(&format!("{}@bbb.cc", "a".repeat(64))));
        assert!(!reads::<Email>(&format!("{}@bbb.cc", "a".repeat(65))));
        assert!(!reads::<Email>(&format!("a@{}.cc", "b".repeat(124))));
    }

    #[test]
    fn other_texts() {
        assert!(reads::<Password>("password") && reads::<Password>(&"ü".repeat(128)));
        assert!(!reads::<Password>("passwor") && !reads::<Password>(&"ü".repeat(129)));
        assert!(reads::<SixDigits>("012345") && !reads::<SixDigits>("01234") && !reads::<SixDigits>("０12345"));
        assert!(reads::<RecoveryCode>("abcde-234za") && !reads::<RecoveryCode>("abcde-234z1"));
        assert!(reads::<Label>("My bot 1.0") && !reads::<Label>(" bot") && !reads::<Label>("bot\n"));
        assert!(reads::<Language>("en") && reads::<Language>("pt-BR") && !reads::<Language>("EN"));
        assert!(!reads::<Language>("en-") && !reads::<Language>("en-b"));
        assert!(reads::<IpText>("10.0.0.0/8") && reads::<IpText>("::1") && !reads::<IpText>("10.0.0.0/"));
    }
}
