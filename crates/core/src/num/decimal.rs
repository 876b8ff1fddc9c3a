//! Decimal text to integers and back, exactly.
//!
//! Accepted: ASCII digits with at most one point and digits on both sides of it (`"0.10"`, `"5"`, `"-1.2"` where a sign
//! is allowed). Refused: exponents, signs where none belong, blanks, other digits, separators, `inf`, `nan`, a leading or
//! trailing point, and more significant decimals than the scale. Trailing zeros past the scale carry no value and pass.

use super::Amount;

/// Why decimal text was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecimalError {
    /// Not a plain decimal number.
    Malformed,
    /// More significant decimals than the scale allows: refused, never cut.
    TooManyDecimals,
    /// Not a whole number of steps.
    OffStep,
    /// Outside the range of the type.
    OutOfRange,
}

/// Longest text looked at; longer text is malformed. An i128 has 39 digits, and scales go to [`SCALE_MAX`].
pub const TEXT_MAX: usize = 80;

/// Largest number of decimals of an asset, a price or a quantity.
pub const SCALE_MAX: u8 = 18;

/// Parses non-negative decimal text into units of 10^-`scale`.
pub fn parse_unsigned(text: &str, scale: u8) -> Result<u128, DecimalError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > TEXT_MAX {
        return Err(DecimalError::Malformed);
    }
    let (whole, fraction) = match bytes.iter().position(|b| *b == b'.') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &bytes[..0]),
    };
    let has_point = whole.len() != bytes.len();
    if whole.is_empty() || (has_point && fraction.is_empty()) {
        return Err(DecimalError::Malformed);
    }
    if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(DecimalError::Malformed);
    }
    let significant = fraction.iter().rposition(|b| *b != b'0').map_or(0, |at| at + 1);
    if significant > scale as usize {
        return Err(DecimalError::TooManyDecimals);
    }
    let mut value: u128 = 0;
    let padding = scale as usize - significant;
    let digits = whole.iter().chain(&fraction[..significant]).copied().chain(std::iter::repeat_n(b'0', padding));
    for digit in digits {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add((digit - b'0') as u128))
            .ok_or(DecimalError::OutOfRange)?;
    }
    Ok(value)
}

/// Parses decimal text with an optional leading `-` into units of 10^-`scale`.
pub fn parse_signed(text: &str, scale: u8) -> Result<Amount, DecimalError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let value = Amount::try_from(parse_unsigned(digits, scale)?).map_err(|_| DecimalError::OutOfRange)?;
    Ok(if negative { -value } else { value })
}

/// Parses decimal text that must be a whole number of steps of `step` × 10^-`scale` (a price in ticks, a quantity in lots).
pub fn parse_steps(text: &str, scale: u8, step: u64) -> Result<u64, DecimalError> {
    let value = parse_unsigned(text, scale)?;
    if !value.is_multiple_of(step as u128) {
        return Err(DecimalError::OffStep);
    }
    u64::try_from(value / step as u128).map_err(|_| DecimalError::OutOfRange)
}

/// Decimals that some append up to: there is room for them.
const ROOM: usize = 8;

/// Prints units of 10^-`scale` with exactly `scale` decimals.
pub fn format(value: Amount, scale: u8) -> String {
    let mut buffer = [0; DIGITS_MAX];
    let digits = digits(value.unsigned_abs(), &mut buffer);
    let scale = scale as usize;
    let mut text = String::with_capacity(digits.len() + scale.max(ROOM) + 3);
    if value < 0 {
        text.push('-');
    }
    if digits.len() <= scale {
        text.push('0');
        if scale > 0 {
            text.push('.');
            text.extend(std::iter::repeat_n('0', scale - digits.len()));
            text.push_str(digits);
        }
        return text;
    }
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    text.push_str(whole);
    if scale > 0 {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Digits of the largest number.
const DIGITS_MAX: usize = 39;

/// The digits of a number, without a detour over the formatting machinery, and without 128 bits where 64 do.
fn digits(value: u128, buffer: &mut [u8; DIGITS_MAX]) -> &str {
    let mut at = buffer.len();
    let mut push = |digit: u8| {
        at -= 1;
        buffer[at] = b'0' + digit;
    };
    let mut large = value;
    while large > u128::from(u64::MAX) {
        push((large % 10) as u8);
        large /= 10;
    }
    let mut small = large as u64;
    loop {
        push((small % 10) as u8);
        small /= 10;
        if small == 0 {
            break;
        }
    }
    std::str::from_utf8(&buffer[at..]).expect("digits")
}

/// 10^`exponent`, for exponents up to 38.
pub fn pow10(exponent: u8) -> u128 {
    10u128.pow(exponent as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecimalError::*;

    #[test]
    fn parses_exactly_or_refuses() {
        let rows: &[(&str, u8, Result<u128, DecimalError>)] = &[
            ("0", 8, Ok(0)),
            ("1", 8, Ok(100_000_000)),
            ("1.5", 1, Ok(15)),
            ("1.50", 1, Ok(15)),
            ("0.00000001", 8, Ok(1)),
            ("0.000000001", 8, Err(TooManyDecimals)),
            ("1.", 8, Err(Malformed)),
            (".1", 8, Err(Malformed)),
            ("", 8, Err(Malformed)),
            (" 1", 8, Err(Malformed)),
            ("+1", 8, Err(Malformed)),
            ("-1", 8, Err(Malformed)),
            ("1e3", 8, Err(Malformed)),
            ("NaN", 8, Err(Malformed)),
            ("inf", 8, Err(Malformed)),
            ("0x10", 8, Err(Malformed)),
            ("1_000", 8, Err(Malformed)),
            ("1,5", 8, Err(Malformed)),
            ("1.2.3", 8, Err(Malformed)),
            ("１", 8, Err(Malformed)),
            ("999999999999999999999999999999999999999999", 8, Err(OutOfRange)),
            ("007", 0, Ok(7)),
        ];
        for (text, scale, want) in rows {
            assert_eq!(parse_unsigned(text, *scale), *want, "{text:?}");
        }
    }

    #[test]
    fn signs_and_steps() {
        assert_eq!(parse_signed("-1.5", 2), Ok(-150));
        assert_eq!(parse_signed("--1", 2), Err(Malformed));
        assert_eq!(parse_steps("10.05", 2, 5), Ok(201));
        assert_eq!(parse_steps("10.06", 2, 5), Err(OffStep));
        assert_eq!(parse_steps("99999999999999999999", 0, 1), Err(OutOfRange));
    }

    #[test]
    fn prints_what_it_parses() {
        for (value, scale, text) in
            [(0, 8, "0.00000000"), (-5, 1, "-0.5"), (12345, 2, "123.45"), (7, 0, "7"), (1, 18, "0.000000000000000001")]
        {
            assert_eq!(format(value, scale), text);
            assert_eq!(parse_signed(text, scale), Ok(value));
        }
        let powers = (0..127).map(|bit| 1i128 << bit);
        for value in
            powers.flat_map(|power| [power, power - 1, power + 1, -power]).chain([Amount::MAX, Amount::MIN + 1])
        {
            assert_eq!(format(value, 0), value.to_string());
            assert_eq!(parse_signed(&format(value, 18), 18), Ok(value));
        }
    }
}
