//! Runs exchange-core's single-pair stream through ALLIN's spot state machine and through other engines, in turn, in one
//! process, and prints what each makes a second. An engine that does not reproduce the expected trades is said so.

mod engines;
#[path = "../../../crates/allin/src/bench/stream.rs"]
#[allow(dead_code)]
mod stream;
#[path = "../../../crates/allin/src/bench/table.rs"]
#[allow(dead_code)]
mod table;

use std::path::PathBuf;

use clap::Parser;
use engines::{Engine, Matchcore, OrderbookRs};
use stream::Stream;
use table::{Runs, number};

#[derive(Parser)]
struct Args {
    /// The stream, `ec_singlepair_seed1.bin.zst`, with its `.meta.json` beside it.
    #[arg(long)]
    stream: PathBuf,
    /// Rounds; in each, every engine runs the whole stream once.
    #[arg(long, default_value_t = 5)]
    runs: usize,
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
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Matchcore), Box::new(OrderbookRs)];
    let mut runs = vec![Runs::default(); engines.len()];
    for round in 0..args.runs {
        for (engine, runs) in engines.iter_mut().zip(&mut runs) {
            let (elapsed, outcome) = engine.run(&stream)?;
            let rate = stream.len() as f64 / elapsed.as_secs_f64();
            let same = stream.expected.is_none_or(|expected| expected == outcome);
            let verdict = if same { "same trades as exchange-core" } else { "OTHER TRADES than exchange-core" };
            println!("round {round}: {:<20} {:>11} commands/s, {verdict}: {outcome}", engine.name(), number(rate));
            runs.push(rate);
        }
    }
    Ok(())
}
