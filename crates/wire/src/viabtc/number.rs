//! Numbers as the protocol prints them: decimals as text without trailing zeros, times as float seconds.

use std::fmt;

use allin_core::ids::Timestamp;
use allin_core::num::Amount;
use serde::{Serialize, Serializer};

/// `value` × 10^-`scale`, printed exactly and without trailing zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decimal {
    pub value: Amount,
    pub scale: u8,
}

/// Sign, 39 digits of an i128, a point and the zeros before the first digit of a small number.
const BUFFER: usize = 64;

impl Decimal {
    pub const ZERO: Decimal = Decimal { value: 0, scale: 0 };

    pub fn new(value: Amount, scale: u8) -> Decimal {
        Decimal { value, scale }
    }

    /// Prints into the end of `buffer`.
    fn print(self, buffer: &mut [u8; BUFFER]) -> &str {
        let mut rest = self.value.unsigned_abs();
        let mut decimals = self.scale as usize;
        if rest == 0 {
            return "0";
        }
        while decimals > 0 && rest.is_multiple_of(10) {
            rest /= 10;
            decimals -= 1;
        }
        let mut at = BUFFER;
        let mut put = |byte: u8| {
            at -= 1;
            buffer[at] = byte;
            at
        };
        let mut printed = 0;
        let mut start;
        loop {
            // 64-bit division is several times as fast, and nearly every number fits.
            let digit = match u64::try_from(rest) {
                Ok(small) => {
                    rest = (small / 10) as u128;
                    (small % 10) as u8
                }
                Err(_) => {
                    let digit = (rest % 10) as u8;
                    rest /= 10;
                    digit
                }
            };
            start = put(b'0' + digit);
            printed += 1;
            if printed == decimals {
                put(b'.');
            }
            if rest == 0 && printed > decimals {
                break;
            }
        }
        if self.value < 0 {
            start = put(b'-');
        }
        std::str::from_utf8(&buffer[start..]).expect("ASCII")
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.print(&mut [0; BUFFER]))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.print(&mut [0; BUFFER]))
    }
}

/// Takes the trailing zeros off decimal text; empty text is zero.
pub fn trim(text: &str) -> &str {
    if text.is_empty() {
        return "0";
    }
    if !text.contains('.') {
        return text;
    }
    match text.trim_end_matches('0').trim_end_matches('.') {
        "" | "-" | "-0" => "0",
        trimmed => trimmed,
    }
}

/// A time as seconds since the Unix epoch, to the microsecond. A float, as the protocol has it: an f64 tells
/// microseconds apart until the year 2242.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seconds(pub Timestamp);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.0 as f64 / Timestamp::SECOND as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_without_trailing_zeros() {
        let rows = [
            (0, 8, "0"),
            (100_000_000, 8, "1"),
            (110_000_000, 8, "1.1"),
            (1, 8, "0.00000001"),
            (-1, 2, "-0.01"),
            (-1200, 2, "-12"),
            (1200, 0, "1200"),
            (5, 0, "5"),
            (i128::MAX, 18, "170141183460469231731.687303715884105727"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
        ];
        for (value, scale, want) in rows {
            assert_eq!(Decimal::new(value, scale).to_string(), want);
        }
        for (text, want) in [("1.50", "1.5"), ("0.00", "0"), ("100", "100"), ("", "0"), ("-0.0", "0"), ("-1.0", "-1")] {
            assert_eq!(trim(text), want);
        }
    }

    #[test]
    fn times_are_floats_to_the_microsecond() {
        let json = |micros| serde_json::to_string(&Seconds(Timestamp(micros))).expect("JSON");
        assert_eq!(json(1_492_697_636_238_869), "1492697636.238869");
        assert_eq!(json(1_492_697_636_000_000), "1492697636.0");
        assert_eq!(json(0), "0.0");
    }

    proptest! {
        #[test]
        fn prints_what_the_core_reads(value: i128, scale in 0u8..=18) {
            let text = Decimal::new(value, scale).to_string();
            let padded = allin_core::num::decimal::format(value, scale);
            prop_assert_eq!(text.as_str(), trim(&padded));
        }

        #[test]
        fn microseconds_survive_the_float(micros in 1_500_000_000_000_000u64..8_000_000_000_000_000) {
            let text = serde_json::to_string(&Seconds(Timestamp(micros))).expect("JSON");
            let scaled = allin_core::num::decimal::parse_unsigned(&text, 6);
            prop_assert_eq!(scaled, Ok(micros as u128));
        }
    }
}
