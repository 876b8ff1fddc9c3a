//! Owns the recorded flow: the rows of a Bitstamp order file, read exactly, and what part of the recording each belongs to.
//! Never rounds: a row whose price is off the tick or whose volume is off the lot stops the reading.

use std::{fs::File, io::Read, path::Path};

use allin_core::num::decimal::{self, DecimalError};

/// Decimals of a price and of a volume in the recording.
pub const PRICE_SCALE: u8 = 1;
pub const QTY_SCALE: u8 = 8;
/// The price by which the recording marks a market order to buy; one to sell has price 0.
const MARKET_BUY: &str = "999999999.0";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Created,
    Changed,
    Deleted,
}

/// What a created row asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Price {
    /// Ticks; 0 where the recording rounds a price below half a tick.
    Limit(u64),
    Market,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    pub id: u64,
    /// Milliseconds since the Unix epoch, never going back.
    pub at_ms: u64,
    pub action: Action,
    pub buy: bool,
    pub price: Price,
    /// Lots: of a created row the quantity, of a changed row what is left after it.
    pub lots: u64,
}

/// A recording in its three parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flow {
    pub rows: Vec<Row>,
    /// The first rows, all created at one time: the book at the start.
    pub opening: usize,
    /// The last rows, all deleted at one time, close what still rests.
    pub closing: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    #[error("{path}: {error}")]
    Open { path: String, error: std::io::Error },
    #[error("line {line}: {error}")]
    Csv { line: u64, error: csv::Error },
    #[error("line {line}: {field} {text:?} {why}")]
    Field { line: u64, field: &'static str, text: String, why: &'static str },
    #[error("there are no rows")]
    Empty,
}

impl Flow {
    /// Reads a file, packed with gzip when its name ends in `.gz`.
    pub fn read(path: &Path) -> Result<Flow, FlowError> {
        let open = || -> std::io::Result<Box<dyn Read>> {
            let file = File::open(path)?;
            let packed = path.extension().is_some_and(|extension| extension == "gz");
            Ok(if packed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) })
        };
        let file = open().map_err(|error| FlowError::Open { path: path.display().to_string(), error })?;
        Flow::parse(file)
    }

    fn parse(text: impl Read) -> Result<Flow, FlowError> {
        let mut rows: Vec<Row> = Vec::new();
        // The recording's own clock steps back by a millisecond now and then; the opening book is stamped late.
        let mut clock = None;
        for (index, record) in csv::Reader::from_reader(text).records().enumerate() {
            let line = index as u64 + 2;
            let record = record.map_err(|error| FlowError::Csv { line, error })?;
            let mut row = row(&record, line)?;
            let opening = rows.first().is_none_or(|first| row.action == Action::Created && row.at_ms == first.at_ms);
            if clock.is_some() || !opening {
                row.at_ms = row.at_ms.max(clock.unwrap_or(0));
                clock = Some(row.at_ms);
            }
            rows.push(row);
        }
        let first = rows.first().ok_or(FlowError::Empty)?.at_ms;
        let last = rows[rows.len() - 1].at_ms;
        let opening = rows.iter().take_while(|row| row.action == Action::Created && row.at_ms == first).count();
        let live = &rows[opening..];
        let closing = live.iter().rev().take_while(|row| row.action == Action::Deleted && row.at_ms == last).count();
        // A lone row says nothing about how the recording was made.
        let part = |count: usize| if count > 1 { count } else { 0 };
        Ok(Flow { opening: part(opening), closing: part(closing), rows })
    }

    /// Keeps the opening and so many rows after it; then nothing closes what rests.
    pub fn truncate(&mut self, live: usize) {
        if self.opening + live < self.rows.len() - self.closing {
            self.rows.truncate(self.opening + live);
            self.closing = 0;
        }
    }

    pub fn live(&self) -> std::ops::Range<usize> {
        self.opening..self.rows.len() - self.closing
    }
}

fn row(record: &csv::StringRecord, line: u64) -> Result<Row, FlowError> {
    let field = |at: usize| record.get(at).unwrap_or_default();
    let bad = |field: &'static str, text: &str, why| FlowError::Field { line, field, text: text.to_owned(), why };
    let whole = |name, at| field(at).parse::<u64>().map_err(|_| bad(name, field(at), "is no whole number"));
    let steps = |name, at, scale| {
        decimal_steps(field(at), scale).map_err(|error| match error {
            DecimalError::TooManyDecimals | DecimalError::OffStep => bad(name, field(at), "has too many decimals"),
            DecimalError::Malformed | DecimalError::OutOfRange => bad(name, field(at), "is no such number"),
        })
    };
    let action = match field(5) {
        "created" => Action::Created,
        "changed" => Action::Changed,
        "deleted" => Action::Deleted,
        other => return Err(bad("action", other, "is none of created, changed, deleted")),
    };
    let buy = match field(6) {
        "bid" => true,
        "ask" => false,
        other => return Err(bad("direction", other, "is neither bid nor ask")),
    };
    let ticks = steps("price", 3, PRICE_SCALE)?;
    let market = if buy { field(3) == MARKET_BUY } else { ticks == 0 };
    Ok(Row {
        id: whole("id", 0)?,
        at_ms: whole("timestamp", 1)?,
        action,
        buy,
        price: if market { Price::Market } else { Price::Limit(ticks) },
        lots: steps("volume", 4, QTY_SCALE)?,
    })
}

/// Decimal text as a whole number of 10^-`scale`, exactly; with an exponent, as the recording writes small volumes.
fn decimal_steps(text: &str, scale: u8) -> Result<u64, DecimalError> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return decimal::parse_steps(text, scale, 1);
    };
    let exponent: i32 = exponent.parse().map_err(|_| DecimalError::Malformed)?;
    let decimals = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let mantissa = decimal::parse_unsigned(digits, u8::try_from(decimals).map_err(|_| DecimalError::Malformed)?)?;
    let shift = exponent - decimals as i32 + i32::from(scale);
    let power = u8::try_from(shift.unsigned_abs()).ok().filter(|power| *power <= 38).ok_or(DecimalError::OutOfRange)?;
    let power = decimal::pow10(power);
    let value = if shift >= 0 {
        mantissa.checked_mul(power).ok_or(DecimalError::OutOfRange)?
    } else if mantissa.is_multiple_of(power) {
        mantissa / power
    } else {
        return Err(DecimalError::TooManyDecimals);
    };
    u64::try_from(value).map_err(|_| DecimalError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "id,timestamp,exchange_timestamp,price,volume,action,direction\n";

    #[test]
    fn decimals_with_an_exponent_are_exact() {
        use DecimalError::*;
        for (text, want) in [
            ("0.075", Ok(7_500_000)),
            ("2.6e-06", Ok(260)),
            ("1e-08", Ok(1)),
            ("1e-09", Err(TooManyDecimals)),
            ("1.25e2", Ok(12_500_000_000)),
            ("e-06", Err(Malformed)),
            ("1e", Err(Malformed)),
            ("1e99", Err(OutOfRange)),
        ] {
            assert_eq!(decimal_steps(text, 8), want, "{text}");
        }
    }

    #[test]
    fn a_recording_falls_into_three_parts() {
        let text = format!(
            "{HEADER}1,900,0,78318.0,1.5,created,bid\n2,900,0,0.0,3.0,created,bid\n3,700,0,78319.0,1.0,created,ask\n\
             3,690,0,78319.0,0.5,changed,ask\n4,800,0,0.0,2.6e-06,created,ask\n5,800,0,999999999.0,0.0,created,bid\n\
             1,999,0,78318.0,1.5,deleted,bid\n2,999,0,0.0,3.0,deleted,bid\n"
        );
        let mut flow = Flow::parse(text.as_bytes()).unwrap();
        assert_eq!((flow.opening, flow.live(), flow.closing), (2, 2..6, 2));
        let times: Vec<u64> = flow.rows.iter().map(|row| row.at_ms).collect();
        assert_eq!(times, [900, 900, 700, 700, 800, 800, 999, 999]);
        let asked: Vec<(Price, u64)> = flow.rows.iter().map(|row| (row.price, row.lots)).collect();
        assert_eq!(asked[1], (Price::Limit(0), 300_000_000));
        assert_eq!(asked[3], (Price::Limit(783_190), 50_000_000));
        assert_eq!(asked[4], (Price::Market, 260));
        assert_eq!(asked[5], (Price::Market, 0));

        flow.truncate(1);
        assert_eq!((flow.rows.len(), flow.live(), flow.closing), (3, 2..3, 0));
    }

    #[test]
    fn a_bad_field_is_named_with_its_line() {
        for (row, want) in [
            ("x,1,0,1.0,1,created,bid", "line 2: id \"x\" is no whole number"),
            ("1,1,0,1.05,1,created,bid", "line 2: price \"1.05\" has too many decimals"),
            ("1,1,0,1.0,-1,created,bid", "line 2: volume \"-1\" is no such number"),
            ("1,1,0,1.0,1,made,bid", "line 2: action \"made\" is none of created, changed, deleted"),
            ("1,1,0,1.0,1,created,buy", "line 2: direction \"buy\" is neither bid nor ask"),
        ] {
            assert_eq!(Flow::parse(format!("{HEADER}{row}\n").as_bytes()).unwrap_err().to_string(), want);
        }
        assert_eq!(Flow::parse(HEADER.as_bytes()).unwrap_err().to_string(), "there are no rows");
    }
}
