//! `allin run`: some services in this process, the others reached at the topology's addresses.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args as ClapArgs;

use crate::{Outcome, node, registry, settings::SettingsArgs};

/// Starts the named services in this process; they reach the others at the topology's addresses
///
/// Processes that share no data directory need the same internal token: copy `internal.token` of the matching engine's.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Names as in `allin topology`, such as landry-ces-matchengine
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,

    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let built = registry::built();
    let mut services = BTreeSet::new();
    for name in &args.services {
        let Some(known) = built.get(name.as_str()) else {
            let all = built.iter().copied().collect::<Vec<_>>().join(", ");
            return Err(format!("{name} is not a service that is built; there are {all}").into());
        };
        services.insert(*known);
    }
    node::run(args.settings.load()?, services, false).map_err(|error| error as Box<dyn std::error::Error>)?;
    Ok(ExitCode::SUCCESS)
}
