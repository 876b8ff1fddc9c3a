//! The candles against a naive twin that recomputes everything from all trades, with a calendar of its own.

use proptest::prelude::*;

use super::*;
use crate::ids::{Timestamp, TradeId};
use crate::num::{PriceTicks, QtyLots};

const SECOND: u64 = Timestamp::SECOND;
const DAY: u64 = Timestamp::DAY;

/// Walks the calendar month by month, from January 1970.
fn naive_month(day: i64) -> (i64, i64) {
    let (mut year, mut month, mut first) = (1970, 1, 0);
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if day < first + length {
            return (first, first + length);
        }
        first += length;
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
}

fn naive_start(interval: Interval, at: u64, minutes: i64) -> u64 {
    let micros: u64 = match interval.name() {
        "1s" => SECOND,
        "1m" => 60 * SECOND,
        "3m" => 180 * SECOND,
        "5m" => 300 * SECOND,
        "15m" => 900 * SECOND,
        "30m" => 1800 * SECOND,
        "1h" => 3600 * SECOND,
        "2h" => 7200 * SECOND,
        "4h" => 14_400 * SECOND,
        "6h" => 21_600 * SECOND,
        "8h" => 28_800 * SECOND,
        "12h" => 43_200 * SECOND,
        name => {
            let local = at as i64 + minutes * 60 * SECOND as i64;
            let day = local / DAY as i64;
            let first = match name {
                "1d" => day,
                "3d" => day / 3 * 3,
                "1w" => (day + 3) / 7 * 7 - 3,
                _ => naive_month(day).0,
            };
            return (first * DAY as i64 - minutes * 60 * SECOND as i64) as u64;
        }
    };
    at / micros * micros
}

/// Recomputes the bar that starts at `start` from all trades.
fn naive_bar(fills: &[Fill], interval: Interval, minutes: i64, start: u64) -> Option<Bar> {
    let of_bar: Vec<&Fill> = fills.iter().filter(|f| naive_start(interval, f.at.0, minutes) == start).collect();
    let (first, last) = (of_bar.first()?, of_bar.last()?);
    let buys = || of_bar.iter().filter(|f| f.taker_is_buyer);
    Some(Bar {
        start: Timestamp(start),
        open: first.price,
        high: of_bar.iter().map(|f| f.price).max()?,
        low: of_bar.iter().map(|f| f.price).min()?,
        close: last.price,
        volume: of_bar.iter().map(|f| f.qty.0 as u128).sum(),
        quote: of_bar.iter().map(|f| f.quote).sum(),
        trades: of_bar.len() as u64,
        taker_buy_volume: buys().map(|f| f.qty.0 as u128).sum(),
        taker_buy_quote: buys().map(|f| f.quote).sum(),
        first_trade: first.trade,
        last_trade: last.trade,
    })
}

fn naive_bars(fills: &[Fill], interval: Interval, minutes: i64) -> Vec<Bar> {
    let mut starts: Vec<u64> = fills.iter().map(|f| naive_start(interval, f.at.0, minutes)).collect();
    starts.dedup();
    starts.into_iter().filter_map(|start| naive_bar(fills, interval, minutes, start)).collect()
}

/// Steps of very different length, so that bars of every interval get some and miss some.
fn any_fills() -> impl Strategy<Value = Vec<Fill>> {
    let step = prop_oneof![
        4 => 0..SECOND,
        3 => 0..120 * SECOND,
        2 => 0..7200 * SECOND,
        2 => 0..3 * DAY,
        1 => 0..40 * DAY,
    ];
    let fill = (step, 1u64..50, 1u64..1000, any::<bool>());
    // Past 1970, so that the twin needs no negative days.
    (30 * DAY..25_000 * DAY, prop::collection::vec(fill, 1..120)).prop_map(|(mut at, rows)| {
        let fill = |(nth, (step, price, qty, taker_is_buyer)): (usize, (u64, u64, u64, bool))| {
            at += step;
            Fill {
                at: Timestamp(at),
                trade: TradeId(nth as u64 + 1),
                price: PriceTicks(price),
                qty: QtyLots(qty),
                quote: (price * qty) as i128 * 7,
                taker_is_buyer,
            }
        };
        rows.into_iter().enumerate().map(fill).collect()
    })
}

fn any_offset() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), Just(480), Just(345), Just(-300), OFFSET_MIN..=OFFSET_MAX]
}

fn folded(fills: &[Fill], interval: Interval) -> Vec<Bar> {
    let mut series = Series::new(interval);
    let mut bars: Vec<Bar> = fills.iter().filter_map(|fill| series.fold(fill)).collect();
    bars.extend(series.current().copied());
    bars
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_bar_equals_the_recomputed_one(fills in any_fills()) {
        for interval in Interval::ALL {
            prop_assert_eq!(folded(&fills, interval), naive_bars(&fills, interval, 0), "{}", interval.name());
        }
    }

    #[test]
    fn bars_made_of_their_base_equal_the_recomputed_ones(fills in any_fills(), minutes in any_offset()) {
        let offset = Offset::minutes(minutes).expect("in range");
        for interval in Interval::ALL {
            let base = interval.base(offset);
            prop_assert!(Interval::BASES.contains(&base));
            let made = regroup(folded(&fills, base), interval, offset);
            prop_assert_eq!(made, naive_bars(&fills, interval, minutes as i64), "{} {}", interval.name(), minutes);
        }
    }

    #[test]
    fn a_resumed_series_goes_on_as_if_never_stopped(fills in any_fills(), cut in any::<prop::sample::Index>()) {
        for interval in Interval::BASES {
            let (head, tail) = fills.split_at(cut.index(fills.len()).max(1));
            let mut done = folded(head, interval);
            let mut series = Series::resume(interval, done.pop().expect("one fill at least"));
            done.extend(tail.iter().filter_map(|fill| series.fold(fill)));
            done.extend(series.current().copied());
            prop_assert_eq!(done, naive_bars(&fills, interval, 0));
        }
    }

    #[test]
    fn a_resumed_window_goes_on_as_if_never_stopped(
        fills in any_fills(), cut in any::<prop::sample::Index>(), seconds in 1u64..200_000,
    ) {
        let cut = cut.index(fills.len()).max(1);
        let now = fills[cut - 1].at;
        let start = Rolling::new(seconds).start(now);
        let bars = naive_bars(&fills[..cut], Interval::S1, 0).into_iter().filter(|bar| bar.start >= start).collect();
        let before = fills[..cut].iter().rev().find(|fill| fill.at < start).map(|fill| fill.price);
        let mut rolling = Rolling::resume(seconds, bars, before);
        check_window(&rolling, &fills[..cut], now)?;
        for (nth, fill) in fills.iter().enumerate().skip(cut) {
            rolling.fold(fill);
            check_window(&rolling, &fills[..=nth], fill.at)?;
        }
    }

    #[test]
    fn the_window_equals_the_sum_of_what_it_spans(fills in any_fills(), seconds in 1u64..200_000, later in 0..400_000u64) {
        let mut rolling = Rolling::new(seconds);
        for (nth, fill) in fills.iter().enumerate() {
            rolling.fold(fill);
            check_window(&rolling, &fills[..=nth], fill.at)?;
        }
        let now = fills.last().expect("one at least").at.plus(later * SECOND);
        rolling.advance(now);
        check_window(&rolling, &fills, now)?;
    }

    #[test]
    fn gaps_are_filled_with_the_last_close(
        fills in any_fills(), minutes in any_offset(), pick in 0..16usize, from in any::<prop::sample::Index>(), limit in 1..300usize,
    ) {
        let (interval, offset) = (Interval::ALL[pick], Offset::minutes(minutes).expect("in range"));
        let start = fills[from.index(fills.len())].at;
        let range = Span { start, end: fills.last().expect("one at least").at.plus(2 * DAY) };
        let bars = naive_bars(&fills, interval, minutes as i64);
        let within: Vec<Bar> = bars.iter().filter(|bar| range.contains(bar.start)).copied().collect();
        let before = bars.iter().rev().find(|bar| bar.start < range.start).map(|bar| bar.close);
        let filled = fill_gaps(&within, interval, offset, range, before, limit);
        prop_assert!(filled.len() <= limit);
        if before.is_none() {
            prop_assert_eq!(filled.first(), within.first());
        }
        let boundary = Interval::ALL[pick].span(start, offset);
        let next = if boundary.start < start { boundary.end } else { boundary.start };
        let mut at = if before.is_some() { next } else { filled.first().map_or(range.end, |bar| bar.start) };
        let mut close = before;
        for bar in &filled {
            prop_assert_eq!(bar.start, at);
            let known = bars.iter().find(|known| known.start == bar.start).copied();
            prop_assert_eq!(Some(*bar), known.or(close.map(|close| Bar::flat(at, close))));
            close = Some(bar.close);
            at = interval.span(at, offset).end;
        }
        prop_assert!(filled.len() == limit || at >= range.end);
    }
}

fn check_window(rolling: &Rolling, fills: &[Fill], now: Timestamp) -> Result<(), TestCaseError> {
    let start = rolling.start(now);
    let within: Vec<Fill> = fills.iter().filter(|fill| fill.at >= start).copied().collect();
    let before = fills.iter().rev().find(|fill| fill.at < start).map(|fill| fill.price);
    let mut want = within.first().map(|fill| Bar::new(Interval::S1.span(fill.at, Offset::UTC).start, fill));
    if let Some(want) = &mut want {
        within[1..].iter().for_each(|fill| want.add(fill));
    }
    prop_assert_eq!(rolling.bar(), want);
    prop_assert_eq!(rolling.previous_close(), before);
    Ok(())
}

#[test]
fn alignments_that_are_known() {
    // (interval, minutes of offset, at, start, end): seconds since the epoch, from a calendar.
    let rows: &[(&str, i32, u64, u64, u64)] = &[
        ("1s", 0, 1_777_680_000, 1_777_680_000, 1_777_680_001),
        ("8h", 0, 1_777_709_000, 1_777_708_800, 1_777_737_600),
        // 2026-05-02 is a Saturday; its week began on Monday 2026-04-27.
        ("1w", 0, 1_777_700_000, 1_777_248_000, 1_777_852_800),
        ("1w", 480, 1_777_700_000, 1_777_219_200, 1_777_824_000),
        ("1d", 480, 1_777_737_600, 1_777_737_600, 1_777_824_000),
        ("1d", 480, 1_777_737_599, 1_777_651_200, 1_777_737_600),
        ("1d", -300, 1_777_680_000, 1_777_611_600, 1_777_698_000),
        ("1M", 0, 1_777_700_000, 1_777_593_600, 1_780_272_000),
        // A leap February, a century's that is none, and one that is.
        ("1M", 0, 1_709_200_000, 1_706_745_600, 1_709_251_200),
        ("1M", 0, 4_107_542_399, 4_105_123_200, 4_107_542_400),
        ("3d", 0, 259_200 * 7 + 5, 259_200 * 7, 259_200 * 8),
        // The first week and a zone ahead of UTC begin with the epoch at the earliest.
        ("1w", 0, 5, 0, 345_600),
        ("1d", 600, 5, 0, 50_400),
        ("1d", -600, 5, 0, 36_000),
    ];
    for (name, minutes, at, start, end) in rows {
        let interval = Interval::from_name(name).expect("a name");
        let offset = Offset::minutes(*minutes).expect("an offset");
        let span = interval.span(Timestamp(at * SECOND), offset);
        let seconds = (span.start.0 / SECOND, span.end.0 / SECOND);
        assert_eq!(seconds, (*start, *end), "{name} {minutes} {at}");
    }
}

#[test]
fn the_ends_of_time_are_taken() {
    for interval in Interval::ALL {
        for minutes in [OFFSET_MIN, 0, OFFSET_MAX] {
            let offset = Offset::minutes(minutes).expect("in range");
            for at in [0, 1, u64::MAX - 1, u64::MAX] {
                let span = interval.span(Timestamp(at), offset);
                assert!(span.start.0 <= at && at <= span.end.0);
                interval.back(Timestamp(at), 3, offset);
            }
        }
    }
    assert_eq!(Offset::minutes(OFFSET_MAX + 1), None);
    assert_eq!(Interval::from_name("1y"), None);
}

#[test]
fn going_back_counts_whole_bars() {
    let at = Timestamp(1_777_700_000 * SECOND);
    let rows = [("1m", 2, 1_777_699_860), ("1M", 1, 1_775_001_600), ("1M", 4, 1_767_225_600), ("1w", 0, 1_777_248_000)];
    for (name, count, want) in rows {
        let start = Interval::from_name(name).expect("a name").back(at, count, Offset::UTC);
        assert_eq!(start.0 / SECOND, want, "{name} -{count}");
    }
}
