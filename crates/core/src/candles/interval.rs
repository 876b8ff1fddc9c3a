//! The sixteen intervals and where their bars begin.

use crate::ids::Timestamp;

/// Least and most minutes of an [`Offset`]: the time zones that exist.
pub const OFFSET_MIN: i32 = -12 * 60;
pub const OFFSET_MAX: i32 = 14 * 60;

const MINUTE: i128 = Timestamp::MINUTE as i128;
const DAY: i128 = Timestamp::DAY as i128;

/// Minutes by which the local time is ahead of UTC. Shifts the bars of a day and longer; shorter ones stay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Offset(i32);

/// An interval of a bar (Binance Spot REST, "Kline/Candlestick chart intervals").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Interval {
    S1 = 0,
    M1,
    M3,
    M5,
    M15,
    M30,
    H1,
    H2,
    H4,
    H6,
    H8,
    H12,
    D1,
    /// Three days, counted from the epoch.
    D3,
    /// From Monday.
    W1,
    /// A month of the calendar.
    Mon1,
}

/// A half-open stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl Offset {
    pub const UTC: Offset = Offset(0);

    /// `None` outside of [`OFFSET_MIN`]..=[`OFFSET_MAX`].
    pub fn minutes(minutes: i32) -> Option<Offset> {
        (OFFSET_MIN..=OFFSET_MAX).contains(&minutes).then_some(Offset(minutes))
    }

    pub fn as_minutes(self) -> i32 {
        self.0
    }
}

impl Span {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

impl Interval {
    pub const ALL: [Interval; 16] = [
        Interval::S1,
        Interval::M1,
        Interval::M3,
        Interval::M5,
        Interval::M15,
        Interval::M30,
        Interval::H1,
        Interval::H2,
        Interval::H4,
        Interval::H6,
        Interval::H8,
        Interval::H12,
        Interval::D1,
        Interval::D3,
        Interval::W1,
        Interval::Mon1,
    ];

    const NAMES: [&'static str; 16] =
        ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"];

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    pub fn from_name(name: &str) -> Option<Interval> {
        Self::NAMES.iter().position(|known| *known == name).map(|at| Self::ALL[at])
    }

    pub fn from_u8(value: u8) -> Option<Interval> {
        Self::ALL.get(value as usize).copied()
    }

    /// Seconds of an interval shorter than a day.
    fn seconds(self) -> Option<u64> {
        const SECONDS: [u64; 12] = [1, 60, 180, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 28_800, 43_200];
        SECONDS.get(self as usize).copied()
    }

    /// The bar that `at` falls into. What would begin before the epoch begins with it.
    pub fn span(self, at: Timestamp, offset: Offset) -> Span {
        if let Some(seconds) = self.seconds() {
            let micros = seconds * Timestamp::SECOND;
            let start = Timestamp(at.0 - at.0 % micros);
            return Span { start, end: start.plus(micros) };
        }
        let shift = offset.0 as i128 * MINUTE;
        let day = (at.0 as i128 + shift).div_euclid(DAY) as i64;
        let (first, next) = self.days(day);
        let moment = |day: i64| {
            let micros = day as i128 * DAY - shift;
            Timestamp(micros.clamp(0, u64::MAX as i128) as u64)
        };
        Span { start: moment(first), end: moment(next) }
    }

    /// First day of the bar that holds `day`, and first day of the next; days since the epoch.
    fn days(self, day: i64) -> (i64, i64) {
        match self {
            Interval::D3 => {
                let first = day - day.rem_euclid(3);
                (first, first + 3)
            }
            Interval::W1 => {
                // The epoch was a Thursday, three days after a Monday.
                let first = day - (day + 3).rem_euclid(7);
                (first, first + 7)
            }
            Interval::Mon1 => {
                let (year, month) = year_and_month(day);
                let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (first_day(year, month), first_day(next_year, next_month))
            }
            _ => (day, day + 1),
        }
    }

    /// The start of the bar that lies `count` bars before the one that holds `at`.
    pub fn back(self, at: Timestamp, count: u32, offset: Offset) -> Timestamp {
        let mut start = self.span(at, offset).start;
        for _ in 0..count {
            let Some(before) = start.0.checked_sub(1) else {
                break;
            };
            start = self.span(Timestamp(before), offset).start;
        }
        start
    }

    /// The coarsest of the intervals worth storing ([`Interval::BASES`]) whose bars make up the bars of this one at this offset.
    /// One-second bars make up only themselves, so that they need not be kept for ever.
    pub fn base(self, offset: Offset) -> Interval {
        match self {
            Interval::S1 => Interval::S1,
            Interval::M1 | Interval::M3 | Interval::M5 => Interval::M1,
            Interval::M15 | Interval::M30 => Interval::M15,
            _ if self < Interval::D1 || offset.0 % 60 == 0 && offset.0 != 0 => Interval::H1,
            _ if offset.0 == 0 => Interval::D1,
            _ if offset.0 % 15 == 0 => Interval::M15,
            _ => Interval::M1,
        }
    }

    /// What [`Interval::base`] may answer, finest first.
    pub const BASES: [Interval; 5] = [Interval::S1, Interval::M1, Interval::M15, Interval::H1, Interval::D1];
}

/// Days of the 400 years after which the Gregorian calendar repeats itself.
const ERA_DAYS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// Years are counted from March, so that the leap day is the last of its year.
fn year_and_month(day: i64) -> (i64, i64) {
    let shifted = day + EPOCH_DAYS;
    let era = shifted.div_euclid(ERA_DAYS);
    let of_era = shifted.rem_euclid(ERA_DAYS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month)
}

fn first_day(year: i64, month: i64) -> i64 {
    let from_march = if month <= 2 { year - 1 } else { year };
    let era = from_march.div_euclid(400);
    let year_of_era = from_march.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * ERA_DAYS + of_era - EPOCH_DAYS
}
