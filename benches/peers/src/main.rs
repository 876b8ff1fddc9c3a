//! Owns the comparison with other engines: exchange-core's single-pair stream through ALLIN's spot state machine and through
//! theirs, in turn, in one run, with what each makes a second. Never a part of the exchange. An engine that does not reproduce the expected trades is said so, and an
//! ALLIN that does not ends the program with an error.

#[path = "../../../crates/allin/src/bench/core_run.rs"]
#[allow(dead_code)]
mod core_run;
mod engines;
mod exchange_core;
#[path = "../../../crates/allin/src/bench/stream.rs"]
#[allow(dead_code)]
mod stream;
#[path = "../../../crates/allin/src/bench/table.rs"]
#[allow(dead_code)]
mod table;

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use clap::Parser;
use engines::{Allin, Engine, Matchcore, OrderbookRs};
use exchange_core::ExchangeCore;
use stream::Stream;
use table::{Row, Runs, markdown, number};

#[derive(Parser)]
struct Args {
    /// The stream, `ec_singlepair_seed1.bin.zst`, with its `.meta.json` beside it
    #[arg(long)]
    stream: PathBuf,
    /// Rounds; in each, every engine runs the whole stream once
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Also runs exchange-core, with this Java class path
    #[arg(long, value_name = "CLASSPATH")]
    exchange_core: Option<String>,
    /// Leaves out the two Rust peers
    #[arg(long)]
    only_exchange_core: bool,
    /// Appends the rows of the table to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
}

fn main() {
    let args = Args::parse();
    if let Err(error) = compare(&args) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn compare(args: &Args) -> Result<(), String> {
    let stream = Stream::load(&args.stream)?;
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Allin)];
    if !args.only_exchange_core {
        engines.push(Box::new(Matchcore));
        engines.push(Box::new(OrderbookRs));
    }
    if let Some(class_path) = &args.exchange_core {
        engines.push(Box::new(ExchangeCore::start(class_path, &stream)?));
    }
    let mut runs = vec![Runs::default(); engines.len()];
    let mut cpu_runs = vec![Runs::default(); engines.len()];
    for round in 0..args.runs {
        for (at, (engine, runs)) in engines.iter_mut().zip(&mut runs).enumerate() {
            let ((wall, cpu), outcome) = engine.run(&stream)?;
            let (rate, cpu_rate) = (stream.len() as f64 / wall, stream.len() as f64 / cpu);
            let same = stream.expected.is_none_or(|expected| expected == outcome);
            let verdict = if same { "the expected trades" } else { "OTHER TRADES than expected" };
            println!(
                "round {round}: {:<20} {:>11} commands/s, {:>11} by CPU time, {verdict}",
                engine.name(),
                number(rate),
                number(cpu_rate)
            );
            if at == 0 && !same {
                return Err(format!("ALLIN made {outcome}"));
            }
            runs.push(rate);
            cpu_runs[at].push(cpu_rate);
        }
    }
    let rows: Vec<Row> =
        (1..engines.len()).map(|at| row(&*engines[at], [&runs[0], &cpu_runs[0]], [&runs[at], &cpu_runs[at]])).collect();
    println!("\n{}", markdown(&rows));
    for engine in &engines[1..] {
        println!("{}: {}", engine.name(), engine.note());
    }
    match &args.rows {
        Some(path) => append(path, &rows).map_err(|e| format!("{}: {e}", path.display())),
        None => Ok(()),
    }
}

/// Each side's runs by the wall's clock and by the processor's.
fn row(peer: &dyn Engine, [ours, ours_cpu]: [&Runs; 2], [theirs, theirs_cpu]: [&Runs; 2]) -> Row {
    let goal = peer.name().starts_with("exchange-core").then_some(1.0);
    let ratio = ours.ratio_to(theirs);
    Row {
        bench: "peers".into(),
        workload: format!(
            "exchange-core single pair, 3,001,000 commands, one thread, in turn (by CPU time the ratio is {:.2})",
            ours_cpu.ratio_to(theirs_cpu)
        ),
        unit: "commands/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: Some(ours_cpu.median()),
        peer: peer.name().into(),
        peer_median: Some(theirs.median()),
        ratio: Some(ratio),
        goal: goal.map_or(String::new(), |goal| format!("ratio ≥ {goal}, aim 1.3")),
        met: goal.map(|goal| ratio >= goal),
    }
}

fn append(path: &Path, rows: &[Row]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    for row in rows {
        writeln!(file, "{}", serde_json::to_string(row)?)?;
    }
    Ok(())
}
