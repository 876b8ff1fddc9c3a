//! `allin bench`: how fast it is, each figure beside a peer's or a goal.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    Outcome,
    bench::{self, Row, number},
    print,
};

/// Measures, beside a peer or a goal, and says whether the goal is met
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    Core(CoreArgs),
    Markets(RunsArgs),
    Snapshot(FolderArgs),
    Durable(DurableArgs),
    Http(LoadArgs),
    Rest(RestArgs),
    Wsapi(WsapiArgs),
    Depth(DepthArgs),
    Fanout(FanoutArgs),
    Kafka(KafkaArgs),
    History(HistoryArgs),
    Table(TableArgs),
}

/// Runs exchange-core's recorded stream through the spot state machine and checks every trade and the final book
#[derive(Debug, Parser)]
struct CoreArgs {
    /// The stream, `….bin` or `….bin.zst`; what is expected of it lies beside it (`….meta.json`, `….final_book.csv`)
    #[arg(long, value_name = "FILE")]
    stream: PathBuf,

    /// How often the whole stream is run
    #[arg(long, default_value_t = 5)]
    runs: usize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Runs a random flow over 10,000 markets, 1 million users and 1 million resting orders; also bytes for an open order
#[derive(Debug, Parser)]
struct RunsArgs {
    /// How often the flow is run
    #[arg(long, default_value_t = 5)]
    runs: usize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Writes and loads a snapshot of 10,000 markets, 1 million users and 1 million resting orders
#[derive(Debug, Parser)]
struct FolderArgs {
    /// Where files are written; on the disk that is to be measured
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// How often it is done
    #[arg(long, default_value_t = 5)]
    runs: usize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the recorded stream through a whole shard: pipelined, replayed, and at a fixed pace, each beside a bare disk
#[derive(Debug, Parser)]
struct DurableArgs {
    /// The recorded stream, as for core
    #[arg(long, value_name = "FILE")]
    stream: PathBuf,

    /// Where logs are written; on the disk that is to be measured
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// How often each is done, in turn
    #[arg(long, default_value_t = 3)]
    runs: usize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Places orders over accesshttp on 64 connections, beside a handler that does nothing
#[derive(Debug, Parser)]
struct LoadArgs {
    #[command(flatten)]
    http: HttpArgs,

    /// How long each measurement takes, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..))]
    millis: u64,
}

impl LoadArgs {
    fn time(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

#[derive(Debug, clap::Args)]
struct HttpArgs {
    /// Where the log is written; on the disk that is to be measured
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// How often each is done, in turn
    #[arg(long, default_value_t = 5)]
    runs: usize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Places signed orders over the public REST API on 64 connections, straight and through the gateway, beside a handler that does nothing
#[derive(Debug, Parser)]
struct RestArgs {
    #[command(flatten)]
    load: LoadArgs,
}

/// Places orders over the WebSocket API, pipelined on a few connections, beside the core alone
#[derive(Debug, Parser)]
struct WsapiArgs {
    #[command(flatten)]
    load: LoadArgs,
}

/// Asks for books over the public REST API on 64 connections, beside signed orders
#[derive(Debug, Parser)]
struct DepthArgs {
    #[command(flatten)]
    load: LoadArgs,
}

/// Tells a book's differences to 1,000 clients, beside a blast to raw sockets; also bytes for an idle client
#[derive(Debug, Parser)]
struct FanoutArgs {
    #[command(flatten)]
    http: HttpArgs,
}

/// Runs the recorded stream through a whole shard whose log is in Kafka, beside a bare producer on the same broker
#[derive(Debug, Parser)]
struct KafkaArgs {
    /// The broker, host:port; topics `allin-bench-…` are made there and stay
    #[arg(long, value_name = "ADDRESS")]
    brokers: String,

    #[command(flatten)]
    durable: DurableArgs,
}

/// Feeds deals to the history writer at a fixed pace, and says how far it lags behind
#[derive(Debug, Parser)]
struct HistoryArgs {
    /// An empty database of a MariaDB, MySQL or PostgreSQL server, or `sqlite:FILE`
    #[arg(long, value_name = "URL")]
    store: String,

    /// Where the log is written
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Deals a second
    #[arg(long, default_value_t = 20_000)]
    per_second: u64,

    /// For how long
    #[arg(long, default_value_t = 20)]
    seconds: u64,

    #[command(flatten)]
    output: OutputArgs,
}

/// Prints rows that benches have written with --rows as one Markdown table
#[derive(Debug, Parser)]
struct TableArgs {
    /// The file of rows
    #[arg(value_name = "FILE")]
    rows: PathBuf,
}

#[derive(Debug, clap::Args)]
struct OutputArgs {
    /// How the result is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Appends the rows of the table to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// One object
    Json,
}

pub fn run(args: &Args) -> Outcome {
    match &args.bench {
        Bench::Core(args) => core(args),
        Bench::Markets(args) => rows(&args.output, &bench::markets::run(args.runs)?),
        Bench::Durable(args) => rows(&args.output, &bench::durable::run(&args.stream, &args.dir, args.runs)?),
        Bench::Http(args) => load(args, bench::http::run),
        Bench::Rest(args) => load(&args.load, bench::rest::run),
        Bench::Wsapi(args) => load(&args.load, bench::wsapi::run),
        Bench::Depth(args) => load(&args.load, bench::depth::run),
        Bench::Fanout(FanoutArgs { http: args }) => rows(&args.output, &bench::fanout::run(&args.dir, args.runs)?),
        Bench::Snapshot(args) => rows(&args.output, &bench::snapshot::run(&args.dir, args.runs)?),
        Bench::Kafka(KafkaArgs { brokers, durable: args }) => {
            rows(&args.output, &bench::kafka::run(&args.stream, brokers, &args.dir, args.runs)?)
        }
        Bench::History(HistoryArgs { store, dir, per_second, seconds, output }) => {
            let plan = bench::history::Plan { store, dir, per_second: *per_second, seconds: *seconds };
            rows(output, &bench::history::run(&plan)?)
        }
        Bench::Table(args) => table(args),
    }
}

fn core(args: &CoreArgs) -> Outcome {
    let report = bench::core::run(&args.stream, args.runs)?;
    keep(args.output.rows.as_deref(), &[report.row()])?;
    match args.output.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string(&report)?))?,
        Format::Text => print(&format!(
            "{} commands, {} runs: median {}/s, 10th percentile {}/s\n\
             {} trades, volume {}, notional {}, hash {}: {} to the expected\n\
             final book {} to the expected, ledger {}, digest {}\n",
            report.commands,
            report.runs,
            number(report.commands_per_second),
            number(report.commands_per_second_p10),
            report.trades,
            report.traded_volume,
            report.traded_notional,
            report.trade_hash,
            report.results,
            report.final_book,
            if report.conserved { "conserved" } else { "NOT CONSERVED" },
            report.digest,
        ))?,
    }
    Ok(if report.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a bench that puts a load on a port for a while.
fn load(args: &LoadArgs, run: fn(&Path, usize, Duration) -> Result<Vec<Row>, String>) -> Outcome {
    rows(&args.http.output, &run(&args.http.dir, args.http.runs, args.time())?)
}

/// Prints a bench's rows. A goal that is not met is told, not an error: machines differ.
fn rows(output: &OutputArgs, rows: &[Row]) -> Outcome {
    keep(output.rows.as_deref(), rows)?;
    match output.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string(rows)?))?,
        Format::Text => print(&bench::markdown(rows))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(args: &TableArgs) -> Outcome {
    let text = std::fs::read_to_string(&args.rows).map_err(|error| format!("{}: {error}", args.rows.display()))?;
    let rows: Vec<Row> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    print(&bench::markdown(&rows))?;
    Ok(ExitCode::SUCCESS)
}

fn keep(path: Option<&Path>, rows: &[Row]) -> io::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    for row in rows {
        writeln!(file, "{}", serde_json::to_string(row)?)?;
    }
    Ok(())
}
