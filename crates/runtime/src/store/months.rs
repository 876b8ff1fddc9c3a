//! Calendar months in UTC, and the parts of a table that hold one each.
//!
//! A part's name is its month: `m202611`. It ends where the month ends; it begins where the part before it ends, and the first
//! has whatever is older.

/// A month of the Gregorian calendar in UTC, from January of the year 0 to December of the year 9999. The last one has no end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month(u32);

const MICROS_A_DAY: i64 = 86_400_000_000;
const LAST: Month = Month(9999 * 12 + 11);
/// More months at once are not made for a stretch of time: its first part has all that is older.
const AT_ONCE_MAX: u32 = 60;

impl Month {
    /// The month of a time in microseconds since 1970; January 1970 for what is before.
    pub fn of(at_us: i64) -> Month {
        let days = at_us.max(0) / MICROS_A_DAY;
        // Counted from March of the year 0, so that a leap day is the last of its year; 400 years have 146,097 days.
        let since = days + 719_468;
        let (era, day) = (since / 146_097, since % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let months = (era * 400 + year) * 12 + month_from_march + 2;
        Month(u32::try_from(months).unwrap_or(u32::MAX)).min(LAST)
    }

    /// Its first microsecond.
    pub fn start_us(self) -> i64 {
        let (year, month) = (i64::from(self.0 / 12), i64::from(self.0 % 12));
        let (year, month_from_march) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
        let era = year.div_euclid(400);
        let year = year.rem_euclid(400);
        let day = 365 * year + year / 4 - year / 100 + (153 * month_from_march + 2) / 5;
        (era * 146_097 + day - 719_468) * MICROS_A_DAY
    }

    /// The first microsecond after it.
    pub fn end_us(self) -> i64 {
        if self == LAST { i64::MAX } else { self.next().start_us() }
    }

    pub fn next(self) -> Month {
        Month(self.0 + 1).min(LAST)
    }

    /// The month so many before.
    pub fn back(self, months: u32) -> Month {
        Month(self.0.saturating_sub(months))
    }

    /// The name of a part that ends with it.
    pub(super) fn name(self) -> String {
        format!("m{:04}{:02}", self.0 / 12, self.0 % 12 + 1)
    }

    /// The month of a part's name; none of a name that is no part's.
    pub(super) fn named(name: &str) -> Option<Month> {
        let digits = name.strip_prefix('m').filter(|digits| digits.len() == 6)?;
        let (year, month) = (digits[..4].parse::<u32>().ok()?, digits[4..].parse::<u32>().ok()?);
        (1..=12).contains(&month).then(|| Month(year * 12 + month - 1))
    }
}

/// The parts that a table still needs, so that there is one for every month from `first` to `last`: none is put between parts that
/// are there.
pub(super) fn lacking(newest: Option<Month>, first: Month, last: Month) -> Vec<Month> {
    let from = newest.map_or(first, Month::next).max(last.back(AT_ONCE_MAX - 1));
    let mut months = Vec::new();
    let mut month = from;
    while month <= last && newest.is_none_or(|newest| month > newest) {
        months.push(month);
        if month == LAST {
            break;
        }
        month = month.next();
    }
    months
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_its_microseconds() {
        // As `date -u -d 2024-03-01 +%s` gives them.
        for (name, start_s, end_s) in [
            ("m197001", 0, 2_678_400),
            ("m197002", 2_678_400, 5_097_600),
            ("m199912", 944_006_400, 946_684_800),
            ("m200002", 949_363_200, 951_868_800),
            ("m202311", 1_698_796_800, 1_701_388_800),
            ("m202402", 1_706_745_600, 1_709_251_200),
            ("m202403", 1_709_251_200, 1_711_929_600),
            ("m202611", 1_793_491_200, 1_796_083_200),
            ("m210002", 4_105_123_200, 4_107_542_400),
        ] {
            let month = Month::named(name).expect("is one");
            assert_eq!((month.start_us(), month.end_us()), (start_s * 1_000_000, end_s * 1_000_000), "{name}");
            assert_eq!((Month::of(month.start_us()), Month::of(month.end_us() - 1)), (month, month), "{name}");
            assert_eq!(Month::of(month.end_us()), month.next(), "{name}");
            assert_eq!((month.name().as_str(), month.next().back(1)), (name, month));
        }
        assert_eq!((Month::of(i64::MIN).name(), Month::of(i64::MAX).name()), ("m197001".into(), "m999912".into()));
        assert_eq!(LAST.end_us(), i64::MAX);
        for name in ["", "m", "m2024", "m000000", "m202413", "x202401", "m2024011"] {
            assert_eq!(Month::named(name), None, "{name}");
        }
    }

    #[test]
    fn parts_follow_each_other_without_a_gap() {
        let month = |name| Month::named(name).expect("is one");
        let rows = [
            (None, "m202311", "m202312", "m202311 m202312"),
            (None, "m202312", "m202312", "m202312"),
            (Some("m202312"), "m202311", "m202312", ""),
            (Some("m202312"), "m202402", "m202403", "m202401 m202402 m202403"),
            (Some("m202403"), "m202401", "m202402", ""),
        ];
        for (newest, first, last, wanted) in rows {
            let names: Vec<String> =
                lacking(newest.map(month), month(first), month(last)).into_iter().map(Month::name).collect();
            assert_eq!(names.join(" "), wanted, "{newest:?} {first} {last}");
        }
        let far = lacking(Some(month("m197001")), month("m202311"), month("m202311"));
        assert_eq!((far.len(), far[0], far[59]), (60, month("m201812"), month("m202311")));
        assert_eq!(lacking(Some(LAST.back(1)), LAST, LAST), [LAST]);
        assert_eq!(lacking(Some(LAST), LAST, LAST), []);
    }
}
