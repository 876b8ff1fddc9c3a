//! `allin run`: some services in this process, the others reached at the topology's addresses.

use std::process::ExitCode;

use allin_topology::{DEMO, GATEWAY};
use clap::Args as ClapArgs;

use super::up::DOMAINS;
use crate::node::{self, Roles};
use crate::{Outcome, processes, registry, settings::SettingsArgs};

/// Starts the named services in this process; they reach the others at the topology's addresses
///
/// It tells how it is on its health port (health.listen): /healthz, /readyz and /metrics. Processes that share no data
/// directory need the same internal token: copy `internal.token` of the matching engine's.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Names as in `allin topology`, such as landry-ces-matchengine; `gateway` is the gateway
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,

    /// With the defaults of `allin up`: domains of this machine, and the demonstration
    #[arg(long)]
    local: bool,

    /// Ends together with this process, which started it
    #[arg(long, value_name = "PID", hide = true)]
    supervisor: Option<u32>,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// Log lines of a pod are read by programs.
const FORMAT: [(&str, &str); 1] = [("telemetry.format", "json")];

pub fn run(args: &Args) -> Outcome {
    if let Some(supervisor) = args.supervisor {
        processes::end_with_supervisor(supervisor).map_err(|error| error as Box<dyn std::error::Error>)?;
    }
    let built = registry::built();
    let mut roles = Roles { demo: args.local, apart: true, supervisor: args.supervisor, ..Roles::default() };
    for name in &args.services {
        match (built.get(name.as_str()), name.as_str()) {
            (Some(known), _) => _ = roles.services.insert(*known),
            (None, GATEWAY) => roles.gateway = true,
            (None, DEMO) => roles.maker = true,
            (None, _) => {
                let all = built.iter().copied().chain([GATEWAY, DEMO]).collect::<Vec<_>>().join(", ");
                return Err(format!("{name} is not a service that is built; there are {all}").into());
            }
        }
    }
    let defaults: Vec<(&str, &str)> = match args.local {
        true => FORMAT.into_iter().chain(DOMAINS).collect(),
        false => FORMAT.to_vec(),
    };
    let settings = args.settings.load_with(&defaults, &[])?;
    node::run(settings, roles).map_err(|error| error as Box<dyn std::error::Error>)?;
    Ok(ExitCode::SUCCESS)
}
