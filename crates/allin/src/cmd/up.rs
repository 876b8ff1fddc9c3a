//! `allin up`: every built service in this process.

use std::process::ExitCode;

use clap::Args as ClapArgs;

use crate::{Outcome, node, registry, settings::SettingsArgs};

/// Starts every built service in this process, with embedded storage
///
/// Prints where each service listens, and a line that begins with `ready` once everything serves. SIGTERM and Ctrl-C stop
/// it cleanly; whatever it acknowledged is there at the next start.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    node::run(args.settings.load()?, registry::built()).map_err(|error| error as Box<dyn std::error::Error>)?;
    Ok(ExitCode::SUCCESS)
}
