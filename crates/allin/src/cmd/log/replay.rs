//! `allin log replay` and `allin log digest`: what the log comes to, on the way and at the end.

use std::process::ExitCode;

use allin_core::ids::Seq;
use allin_core::spot::Spot;
use clap::Parser;

use super::{Place, ledger};
use crate::{Outcome, print, settings::SettingsArgs};

/// Replays the log up to a sequence and prints the state there: digest, hash, balances by asset
#[derive(Debug, Parser)]
pub struct Args {
    /// The last sequence applied; the whole log without it
    #[arg(long, value_name = "SEQ")]
    until: Option<u64>,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// Prints the digest every so many sequences; the first line in which two logs differ is where they part
#[derive(Debug, Parser)]
pub struct DigestArgs {
    /// Sequences between two lines
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,

    /// The first sequence printed
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,

    /// The last sequence printed; the end of the log without it
    #[arg(long, value_name = "SEQ")]
    until: Option<u64>,

    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let mut fold = Place::find(&args.settings)?.fold()?;
    let end = fold.advance(Seq(args.until.unwrap_or(u64::MAX)))?;
    let machine = &fold.machine;
    if let (Some(until), Some(_)) = (args.until, end) {
        return Err(format!("the log ends at sequence {}, before {until}", machine.seq().0).into());
    }
    if args.until.is_some_and(|until| until < machine.seq().0) {
        return Err(format!("the log was trimmed up to sequence {}", machine.seq().0).into());
    }
    let orders = machine.open_order_count();
    print(&format!(
        "sequence     {}\ntime         {}\nepoch        {}\ndigest       {:016x}\nstate hash   {:016x}\nopen orders  {orders}\n\n{}",
        machine.seq().0,
        super::columns::utc(machine.time().0),
        machine.epoch().0,
        machine.digest(),
        machine.state_hash(),
        ledger::text(machine),
    ))?;
    Ok(ExitCode::SUCCESS)
}

pub fn run_digest(args: &DigestArgs) -> Outcome {
    let mut fold = Place::find(&args.settings)?.fold()?;
    let until = args.until.unwrap_or(u64::MAX);
    let mut stop = args.from.div_ceil(args.every).max(1).saturating_mul(args.every);
    while stop < until && fold.advance(Seq(stop))?.is_none() {
        // A trimmed log begins behind the first stops.
        if fold.machine.seq().0 == stop {
            line(&fold.machine)?;
        }
        stop = stop.saturating_add(args.every);
    }
    fold.advance(Seq(until))?;
    line(&fold.machine)?;
    Ok(ExitCode::SUCCESS)
}

fn line(machine: &Spot) -> std::io::Result<()> {
    print(&format!("{} {:016x}\n", machine.seq().0, machine.digest()))
}
