//! `allin stop`: the end of `allin up --processes`.

use std::process::ExitCode;

use allin_runtime::config::NodeSection;
use clap::Args as ClapArgs;

use crate::processes::{Answer, Ask, ask};
use crate::{Outcome, settings::SettingsArgs};

/// Stops everything that `allin up --processes` looks after, in order, and waits for it
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let node: NodeSection = args.settings.load()?.section()?;
    match ask(&node.data, &Ask::Stop).map_err(|error| error as Box<dyn std::error::Error>)? {
        Answer::Done => Ok(ExitCode::SUCCESS),
        other => Err(format!("the supervisor answered {other:?}").into()),
    }
}
