//! Owns how a benchmark is reported: rates of repeated runs, their median and 10th percentile, and one row a comparison.
//! Also compiled into the workspace of peers under `benches/`, so it uses nothing of this crate.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// One comparison, as printed and as kept in a file of rows (one JSON object a line).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Row {
    pub bench: String,
    pub workload: String,
    pub unit: String,
    pub median: f64,
    /// The bad end of the runs: the 10th percentile of a rate, the 90th of a time.
    pub p10: f64,
    /// The median by the thread's own processor time: what it would be if nothing else ran on the machine. None where
    /// waiting is part of what is measured.
    pub cpu_median: Option<f64>,
    pub peer: String,
    /// The peer's median in the same run; none where there is no peer or its figure is only quoted.
    pub peer_median: Option<f64>,
    /// Ours against the peer's.
    pub ratio: Option<f64>,
    pub goal: String,
    /// None: printed for information, with no goal.
    pub met: Option<bool>,
}

/// By the wall's clock and by the processor's.
pub type Seconds = (f64, f64);

/// Measures one piece of work of this thread, by the wall's clock and by the processor's.
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch { cpu: thread_time(), wall: Instant::now() }
    }

    pub fn seconds(&self) -> Seconds {
        (self.wall.elapsed().as_secs_f64(), (thread_time() - self.cpu).as_secs_f64())
    }
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Repeated measurements of one thing.
#[derive(Clone, Debug, Default)]
pub struct Runs(Vec<f64>);

impl Runs {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn p10(&self) -> f64 {
        self.quantile(0.1)
    }

    /// Linear interpolation between the two nearest.
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let at = q * last as f64;
        let (low, high) = (at.floor() as usize, at.ceil() as usize);
        sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
    }

    /// Median of the ratios of runs taken in turn, which a machine that slows down or speeds up does not bend.
    pub fn ratio_to(&self, peer: &Runs) -> f64 {
        Runs(self.0.iter().zip(&peer.0).map(|(ours, theirs)| ours / theirs).collect()).median()
    }
}

/// `3001000` → `3,001,000`; small numbers keep up to three significant decimals.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".into();
    }
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The rows as a Markdown table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| bench | workload | median | 10 % worst | by CPU time | unit | peer | peer's median | ratio | goal | met |\n",
    );
    text.push_str("| --- | --- | ---: | ---: | ---: | --- | --- | ---: | ---: | --- | --- |\n");
    for row in rows {
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {met} |",
            row.bench,
            row.workload,
            number(row.median),
            number(row.p10),
            row.cpu_median.map(number).unwrap_or_default(),
            row.unit,
            row.peer,
            row.peer_median.map(number).unwrap_or_default(),
            row.ratio.map(|r| format!("{r:.2}")).unwrap_or_default(),
            row.goal,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let runs = Runs(vec![40.0, 10.0, 30.0, 20.0, 50.0]);
        assert_eq!((runs.median(), runs.p10(), runs.quantile(1.0)), (30.0, 14.0, 50.0));
        assert!(Runs::default().median().is_nan());
        assert_eq!(runs.ratio_to(&Runs(vec![20.0, 10.0, 15.0, 5.0, 25.0])), 2.0);
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in
            [(3_001_000.4, "3,001,000"), (100.0, "100"), (1234.0, "1,234"), (0.512, "0.51"), (f64::NAN, "-")]
        {
            assert_eq!(number(value), text);
        }
    }
}
