//! `allin feed`: recorded order flow into the running exchange.

use std::{path::PathBuf, process::ExitCode, str::FromStr, time::Duration};

use allin_runtime::{
    auth::InternalToken,
    config::{Deployment, NodeSection},
};
use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    Outcome,
    feed::{self, Speed},
    print,
    settings::SettingsArgs,
};

/// The service and port that the flow is sent to.
const ENGINE: (&str, u16) = ("landry-ces-matchengine", 7316);

/// Sends recorded order flow through the running exchange, and verifies that nothing of it was lost
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    source: Source,
}

#[derive(Debug, Subcommand)]
enum Source {
    Bitstamp(BitstampArgs),
}

/// A recording of Bitstamp's order stream (id, timestamp, …, price, volume, action, direction) into the market BTCUSD
#[derive(Debug, Parser)]
struct BitstampArgs {
    /// The recording, `….csv` or `….csv.gz`
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// How fast: a multiple of the recording's own pace, or max
    #[arg(long, value_name = "N|max", default_value = "1")]
    speed: SpeedArg,

    /// How many simulated accounts share the orders
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    accounts: u64,

    /// The id of the first of them; the others follow
    #[arg(long, value_name = "ID", default_value_t = 1_000_001)]
    first_account: u64,

    /// Begins every client order id, and tells this run from others of the same recording
    #[arg(long, value_name = "TEXT", default_value = "")]
    tag: String,

    /// Goes on with a run that was broken off: what the exchange has already is not done twice
    #[arg(long)]
    resume: bool,

    /// Stops after so many rows of the flow, the opening book not counted
    #[arg(long, value_name = "N")]
    rows: Option<usize>,

    /// Leaves the book at the end as it is, instead of sending the recording's closing rows
    #[arg(long)]
    keep_book: bool,

    /// How many commands may be unanswered
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    window: u32,

    /// How long a lost connection is tried again, seconds
    #[arg(long, value_name = "S", default_value_t = 60)]
    patience: u64,

    /// Address of the matching engine's gRPC service [default: where the settings serve it]
    #[arg(long, value_name = "HOST:PORT")]
    grpc: Option<String>,

    /// How the result is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// One object
    Json,
}

#[derive(Debug, Clone, Copy)]
struct SpeedArg(Speed);

impl FromStr for SpeedArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(SpeedArg(Speed::Max));
        }
        match text.parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(SpeedArg(Speed::Times(times))),
            _ => Err("a positive number, or max"),
        }
    }
}

pub fn run(args: &Args) -> Outcome {
    let Source::Bitstamp(args) = &args.source;
    let settings = args.settings.load()?;
    let node: NodeSection = settings.section()?;
    let address = match &args.grpc {
        Some(address) => address.clone(),
        None => {
            let address = Deployment::new(&settings)?.addresses.of(ENGINE.0, ENGINE.1);
            address.ok_or("the topology has no matching engine")?.to_string()
        }
    };
    let options = feed::Options {
        file: args.file.clone(),
        address: if address.contains("://") { address } else { format!("http://{address}") },
        token: InternalToken::read(&node.data)?,
        data: node.data.clone(),
        speed: args.speed.0,
        accounts: args.accounts,
        first_account: args.first_account,
        tag: args.tag.clone(),
        resume: args.resume,
        rows: args.rows,
        keep_book: args.keep_book,
        window: args.window as usize,
        patience: Duration::from_secs(args.patience),
    };
    // One thread: the exchange beside it needs the others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(feed::run(&options, &|step| eprintln!("{step}")))?;
    match args.format {
        Format::Text => print(&report.to_string())?,
        Format::Json => print(&format!("{}\n", serde_json::to_string(&report)?))?,
    }
    Ok(if report.is_verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
