//! `allin up`: every built service, in this process or in one each.

use std::process::ExitCode;

use clap::Args as ClapArgs;

use crate::node::{self, Roles};
use crate::{Outcome, processes, registry, settings::SettingsArgs};

/// Starts every built service, in this process or as one process each, with embedded storage
///
/// Prints where each service listens, and a line that begins with `ready` once everything serves. SIGTERM and Ctrl-C stop
/// it cleanly; whatever it acknowledged is there at the next start.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Serves the public side of the gateway here (gateway.public_listen) [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    public: Option<String>,

    /// Serves the internal side of the gateway here (gateway.internal_listen) [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDR")]
    internal: Option<String>,

    /// Makes markets to trade against, with play money (demo.enabled) [default: on]
    #[arg(long, value_name = "on|off")]
    demo: Option<String>,

    /// One process a service, each at the topology's address and ports, started again when it ends: see `allin ps`
    #[arg(long)]
    processes: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// Domains that lead to this machine with no file of hosts, in a browser and in curl.
pub const DOMAINS: [(&str, &str); 3] = [
    ("topology.public_domain", "allin.localhost"),
    ("topology.public_aliases", "[]"),
    ("topology.internal_domain", "aie.localhost"),
];

pub fn run(args: &Args) -> Outcome {
    let flags = [
        ("--public", "gateway.public_listen", args.public.as_deref()),
        ("--internal", "gateway.internal_listen", args.internal.as_deref()),
        ("--demo", "demo.enabled", args.demo.as_deref()),
    ];
    let settings = args.settings.load_with(&DOMAINS, &flags)?;
    if args.processes {
        return processes::up(&settings, &args.settings, &flags);
    }
    let roles = Roles { services: registry::built(), gateway: true, maker: true, demo: true, ..Roles::default() };
    node::run(settings, roles).map_err(|error| error as Box<dyn std::error::Error>)?;
    Ok(ExitCode::SUCCESS)
}
