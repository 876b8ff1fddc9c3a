//! `limit`, and times that bound a list.

use allin_core::ids::Timestamp;
use allin_wire::binance::{ApiError, Code};

use super::super::params::Params;

/// `limit`: `default` when not sent, never more than `max`; 0 is refused (-1130).
pub fn limit(params: &Params, default: u32, max: u32) -> Result<u32, ApiError> {
    match params.u64("limit")? {
        None => Ok(default),
        Some(0) => Err(ApiError::new(Code::InvalidParameter, "Data sent for parameter 'limit' is not valid.")),
        Some(limit) => Ok(u32::try_from(limit).unwrap_or(u32::MAX).min(max)),
    }
}

/// The first moment after an inclusive `endTime`: after the millisecond that it names, or the microsecond.
pub fn after(params: &Params, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(at) = params.time(name)? else { return Ok(None) };
    let in_millis = at.0 == 0 || params.u64(name)? != Some(at.0);
    Ok(Some(at.plus(if in_millis { 1000 } else { 1 })))
}

/// `startTime` and the end of [`after`]; refused when the first is later (-1130).
pub fn span(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let (start, end) = (params.time("startTime")?, after(params, "endTime")?);
    match (start, end) {
        (Some(start), Some(end)) if start >= end => {
            Err(ApiError::new(Code::InvalidParameter, "Data sent for parameter 'startTime' is not valid."))
        }
        both => Ok(both),
    }
}

/// `timeZone`, in minutes ahead of UTC: `8`, `-1:00`, `05:45`; from -12:00 to +14:00.
pub fn time_zone(params: &Params) -> Result<i32, ApiError> {
    let Some(text) = params.get("timeZone")? else { return Ok(0) };
    let bad = || ApiError::new(Code::InvalidParameter, "Data sent for parameter 'timeZone' is not valid.");
    let (sign, rest) = match text.as_bytes() {
        [b'-', ..] => (-1, &text[1..]),
        // A plus that nobody encoded arrives as a blank.
        [b'+' | b' ', ..] => (1, &text[1..]),
        _ => (1, text),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hours.len()) || minutes.len() != 2 || !digits(hours) || !digits(minutes) {
        return Err(bad());
    }
    let number = |text: &str| text.parse::<i32>().map_err(|_| bad());
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let offset = sign * (hours * 60 + minutes);
    match minutes < 60 && (-12 * 60..=14 * 60).contains(&offset) {
        true => Ok(offset),
        false => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(name: &str, value: &str) -> Params {
        Params::new([(name.to_owned(), value.to_owned())]).expect("one parameter")
    }

    #[test]
    fn time_zones() {
        let rows = [
            ("0", Some(0)),
            ("8", Some(480)),
            ("-1:00", Some(-60)),
            ("05:45", Some(345)),
            ("+14:00", Some(840)),
            ("-12:00", Some(-720)),
            ("14:01", None),
            ("-12:01", None),
            ("1:5", None),
            ("1:60", None),
            ("123", None),
            ("x", None),
            ("-", None),
            ("1:00:00", None),
            ("--1", None),
        ];
        for (text, wanted) in rows {
            assert_eq!(time_zone(&params("timeZone", text)).ok(), wanted, "{text}");
        }
    }

    #[test]
    fn limits() {
        let rows = [("1", Ok(1)), ("1000", Ok(1000)), ("1001", Ok(1000)), ("18446744073709551615", Ok(1000))];
        for (text, wanted) in rows {
            assert_eq!(limit(&params("limit", text), 500, 1000), wanted, "{text}");
        }
        for (text, code) in [
            ("0", Code::InvalidParameter),
            ("-1", Code::IllegalChars),
            ("1.5", Code::IllegalChars),
            ("18446744073709551616", Code::ParamOverflow),
            ("", Code::ParamEmpty),
        ] {
            assert_eq!(limit(&params("limit", text), 500, 1000).map_err(|error| error.code), Err(code), "{text}");
        }
        assert_eq!(limit(&Params::default(), 500, 1000), Ok(500));
    }

    #[test]
    fn an_end_is_inclusive_in_its_unit() {
        let rows = [("1700000000000", 1_700_000_000_001_000), ("1700000000000000", 1_700_000_000_000_001), ("0", 1000)];
        for (text, wanted) in rows {
            assert_eq!(after(&params("endTime", text), "endTime"), Ok(Some(Timestamp(wanted))), "{text}");
        }
    }
}
