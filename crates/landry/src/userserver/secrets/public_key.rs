//! Public keys as users give them: PEM of a SubjectPublicKeyInfo (RFC 5280, RFC 8410), Ed25519 or RSA.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::directory::Verifier;

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING { 0 unused bits, 32 bytes } }.
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// SEQUENCE { OID 1.2.840.113549.1.1.1, NULL }.
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The key and what it is. The error is a sentence for the user.
pub fn parse(pem: &str) -> Result<Verifier, &'static str> {
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")
        .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"))
        .ok_or("the public key is not PEM: it begins with -----BEGIN PUBLIC KEY-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| "the public key is not base64 between its PEM lines")?;
    if let Some(key) = der.strip_prefix(&ED25519_PREFIX) {
        return key.try_into().map(Verifier::Ed25519).map_err(|_| "the Ed25519 key does not have 32 bytes");
    }
    rsa(&der)
}

fn rsa(der: &[u8]) -> Result<Verifier, &'static str> {
    const WRONG: &str = "the public key is neither Ed25519 nor RSA";
    let (spki, rest) = element(der, SEQUENCE).ok_or(WRONG)?;
    let bits = spki.strip_prefix(&RSA_ALGORITHM).ok_or(WRONG)?;
    let (bits, after) = element(bits, BIT_STRING).ok_or(WRONG)?;
    let (key, inside) =
        bits.split_first().and_then(|(unused, key)| (*unused == 0).then_some((key, key))).ok_or(WRONG)?;
    let (numbers, end) = element(inside, SEQUENCE).ok_or(WRONG)?;
    let (modulus, numbers) = element(numbers, INTEGER).ok_or(WRONG)?;
    let (exponent, none) = element(numbers, INTEGER).ok_or(WRONG)?;
    if !(rest.is_empty() && after.is_empty() && end.is_empty() && none.is_empty()) {
        return Err(WRONG);
    }
    let modulus = unsigned(modulus).ok_or(WRONG)?;
    let exponent = unsigned(exponent).ok_or(WRONG)?;
    let bits = modulus.len() * 8 - modulus[0].leading_zeros() as usize;
    if !RSA_BITS.contains(&bits) {
        return Err("the RSA key does not have 2048 to 4096 bits");
    }
    // What the verifying library takes: an odd number of 33 bits at most; small ones have a history of forgeries.
    let value =
        exponent.iter().try_fold(0_u64, |value, byte| (value < 1 << 26).then_some(value << 8 | u64::from(*byte)));
    if !value.is_some_and(|value| value % 2 == 1 && (65_537..1 << 33).contains(&value))
        || modulus.last().is_none_or(|last| last % 2 == 0)
    {
        return Err("the RSA key's exponent must be odd and 65537 at least, its modulus odd");
    }
    Ok(Verifier::Rsa(key.into()))
}

/// One DER element of a type, and what follows it.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        // Long form, shortest only.
        0x81 => rest
            .split_first()
            .filter(|(length, _)| **length >= 0x80)
            .map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let length = u16::from_be_bytes(*length);
            (length >= 0x100).then_some((usize::from(length), rest))?
        }
        _ => return None,
    };
    (*first == kind && rest.len() >= length).then(|| rest.split_at(length))
}

/// The bytes of a positive DER integer, without its sign.
fn unsigned(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Some(rest),
        [first, ..] if (1..0x80).contains(first) => Some(integer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    fn tlv(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short");
        let head = match length {
            0..0x80 => vec![kind, length as u8],
            0x80..0x100 => vec![kind, 0x81, length as u8],
            _ => vec![kind, 0x82, (length >> 8) as u8, length as u8],
        };
        [head, content.to_vec()].concat()
    }

    /// A key whose modulus has so many bytes and begins with `first`, and this exponent.
    fn rsa_der(bytes: usize, first: u8, exponent: &[u8]) -> Vec<u8> {
        let mut modulus = vec![0x55; bytes];
        modulus[0] = first;
        if first >= 0x80 {
            modulus.insert(0, 0);
        }
        let numbers = [tlv(INTEGER, &modulus), tlv(INTEGER, exponent)].concat();
        let key = [vec![0], tlv(SEQUENCE, &numbers)].concat();
        tlv(SEQUENCE, &[RSA_ALGORITHM.to_vec(), tlv(BIT_STRING, &key)].concat())
    }

    #[test]
    fn keys_that_fit() {
        let der = [ED25519_PREFIX.as_slice(), &[7; 32]].concat();
        assert!(parse(&pem(&der)) == Ok(Verifier::Ed25519([7; 32])));
        for (bytes, first) in [(256, 0x80), (256, 0xff), (384, 0x80), (512, 0xff)] {
            let Ok(Verifier::Rsa(key)) = parse(&pem(&rsa_der(bytes, first, &[1, 0, 1]))) else {
                panic!("{bytes} {first}")
            };
            assert_eq!(key[0], SEQUENCE);
            assert!(element(&key, SEQUENCE).is_some_and(|(_, rest)| rest.is_empty()));
        }
    }

    #[test]
    fn keys_that_do_not() {
        let good = rsa_der(256, 0x80, &[1, 0, 1]);
        let rows = [
            String::new(),
            pem(&[]),
            pem(&[ED25519_PREFIX.as_slice(), &[7; 31]].concat()),
            pem(&[ED25519_PREFIX.as_slice(), &[7; 33]].concat()),
            pem(&rsa_der(256, 0x7f, &[1, 0, 1])),
            pem(&rsa_der(128, 0x80, &[1, 0, 1])),
            pem(&rsa_der(513, 0x01, &[1, 0, 1])),
            pem(&rsa_der(256, 0x80, &[3])),
            pem(&rsa_der(256, 0x80, &[1, 0, 0])),
            pem(&rsa_der(256, 0x80, &[0x7f; 9])),
            pem(&[good.clone(), vec![0]].concat()),
            pem(&good).replace("PUBLIC", "PRIVATE"),
            pem(&good).replace("-----END", "*----END"),
        ];
        for (at, row) in rows.iter().enumerate() {
            assert!(parse(row).is_err(), "{at}");
        }
        for cut in 0..good.len() {
            assert!(parse(&pem(&good[..cut])).is_err(), "{cut}");
        }
    }
}
