//! `allin bench core`: exchange-core's stream through the spot state machine, and the proof that it did the same work.

use std::path::Path;

use serde::Serialize;

use super::{
    core_run::CoreRun,
    stream::{Outcome, Stream},
    table::{Row, Runs, Stopwatch, number},
};

/// exchange-core's own risk and matching handlers in one thread make 5.6 to 7.7 million a second of this stream.
const GOAL_PER_SECOND: f64 = 5_000_000.0;

/// What was measured, and what came out. Field names are depended on by scripts.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    pub commands: u64,
    /// Median of the runs.
    pub commands_per_second: f64,
    pub commands_per_second_p10: f64,
    /// Median by the thread's processor time.
    pub commands_per_cpu_second: f64,
    pub runs: usize,
    pub trades: u64,
    pub traded_volume: u64,
    pub traded_notional: u64,
    /// FNV-1a 64 over (command index from 0, maker's order, price, size) of each trade, hexadecimal.
    pub trade_hash: String,
    /// `equal`, `different`, or `unknown` where no expected one lies beside the stream.
    pub results: &'static str,
    pub final_book: &'static str,
    /// Every asset sums to zero, and what is held is what open orders reserve.
    pub conserved: bool,
    /// Running digest of the state machine, the same at every run, hexadecimal.
    pub digest: String,
}

impl Report {
    /// Whether the work done is the work that was to be done.
    pub fn is_right(&self) -> bool {
        self.results != "different" && self.final_book != "different" && self.conserved
    }

    pub fn row(&self) -> Row {
        Row {
            bench: "core".into(),
            workload: "exchange-core single pair with ledger, holds, fees, events, digest; one thread".into(),
            unit: "commands/s".into(),
            median: self.commands_per_second,
            p10: self.commands_per_second_p10,
            cpu_median: Some(self.commands_per_cpu_second),
            peer: "exchange-core inline handlers, as measured on such a machine: 5.6-7.7 M/s".into(),
            peer_median: None,
            ratio: None,
            goal: format!("≥ {}", number(GOAL_PER_SECOND)),
            met: Some(self.is_right() && self.commands_per_second >= GOAL_PER_SECOND),
        }
    }
}

/// Runs the stream `runs` times, each on a new state. Fails when a command is refused or two runs differ.
pub fn run(path: &Path, runs: usize) -> Result<Report, String> {
    let stream = Stream::load(path)?;
    let (mut rates, mut cpu_rates) = (Runs::default(), Runs::default());
    let mut first: Option<(Outcome, CoreRun)> = None;
    for _ in 0..runs.max(1) {
        let mut run = CoreRun::new(&stream);
        let watch = Stopwatch::start();
        let outcome = run.run(&stream)?;
        let (wall, cpu) = watch.seconds();
        rates.push(stream.len() as f64 / wall);
        cpu_rates.push(stream.len() as f64 / cpu);
        match &first {
            Some((before, state)) if *before != outcome || state.spot().digest() != run.spot().digest() => {
                return Err(format!("two runs of the same stream differ: {before}; {outcome}"));
            }
            Some(_) => {}
            None => first = Some((outcome, run)),
        }
    }
    let (outcome, run) = first.ok_or("no runs")?;
    let compared = |same: Option<bool>| match same {
        Some(true) => "equal",
        Some(false) => "different",
        None => "unknown",
    };
    Ok(Report {
        commands: outcome.commands,
        commands_per_second: rates.median().round(),
        commands_per_second_p10: rates.p10().round(),
        commands_per_cpu_second: cpu_rates.median().round(),
        runs: runs.max(1),
        trades: outcome.trades,
        traded_volume: outcome.volume,
        traded_notional: u64::try_from(outcome.notional).map_err(|_| "notional beyond 64 bits")?,
        trade_hash: format!("{:016x}", outcome.hash),
        results: compared(stream.expected.map(|expected| expected == outcome)),
        final_book: compared(stream.final_book.as_ref().map(|book| *book == run.final_book())),
        conserved: run.is_conserved(),
        digest: format!("{:016x}", run.spot().digest()),
    })
}
