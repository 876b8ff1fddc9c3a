//! Times as Binance Wallet writes some of them: `2019-10-12 11:12:02`, UTC.

use allin_core::ids::Timestamp;

pub fn text(at: Timestamp) -> String {
    let seconds = at.0 / Timestamp::SECOND % 86_400;
    let (year, month, day) = civil(at.0 / Timestamp::DAY);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day
/// ends one.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    // From 0000-03-01.
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let rows = [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_570_878_722, "2019-10-12 11:12:02"),
            (1_767_323_045, "2026-01-02 03:04:05"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ];
        for (seconds, wanted) in rows {
            assert_eq!(text(Timestamp(seconds * Timestamp::SECOND)), wanted);
        }
    }
}
