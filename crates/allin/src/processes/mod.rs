//! Owns `allin up --processes`: every service as a process of its own, looked after by this one.
//! Never serves anything itself but its control socket, and never knows more of a service than its name, its health port
//! and its log: what a process is told it is told by the same settings as any other.
//! Known limits: Linux only, because each process has a loopback address of its own and ends with its supervisor.

mod child;
mod control;
mod line;
mod probe;
mod roster;
mod supervisor;

use std::process::ExitCode;

use allin_edge::{GatewaySection, TlsListen};
use allin_runtime::auth::InternalToken;
use allin_runtime::config::{Deployment, NodeSection, Section, Settings, TelemetrySection};
use allin_runtime::telemetry;

use crate::demo::DemoSection;
use crate::node::Failure;
use crate::settings::SettingsArgs;

pub use control::{Answer, Ask, Row, ask};
pub use line::end_with_supervisor;

/// What the supervisor goes by.
pub struct Plan {
    pub data: std::path::PathBuf,
    pub deployment: Deployment,
    pub demo: bool,
    /// Arguments of every process besides its name.
    pub arguments: Vec<String>,
    pub health_port: u16,
}

/// Runs all processes until a signal, or until `allin stop`.
pub fn up(settings: &Settings, args: &SettingsArgs, flags: &[(&str, &str, Option<&str>)]) -> crate::Outcome {
    run(settings, args, flags).map_err(|error| error as Box<dyn std::error::Error>)?;
    Ok(ExitCode::SUCCESS)
}

fn run(settings: &Settings, args: &SettingsArgs, flags: &[(&str, &str, Option<&str>)]) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Err("one process a service needs Linux: `allin up` runs all of them in one".into());
    }
    telemetry::init(&settings.section::<TelemetrySection>()?)?;
    let node: NodeSection = settings.section()?;
    std::fs::create_dir_all(node.data.join(supervisor::LOGS))?;
    // Before any process looks for it.
    InternalToken::open(&node.data)?;
    let mut arguments = args.as_arguments();
    for (_, key, value) in flags {
        if let Some(value) = value {
            arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
        }
    }
    arguments.extend(pinned(&settings.section()?)?);
    // Whatever the settings say of one process: here are several.
    let health: allin_runtime::config::HealthSection = settings.section()?;
    arguments.extend(["--set".to_owned(), "health.listen=auto".to_owned()]);
    let plan = Plan {
        data: node.data,
        deployment: Deployment::new(settings)?,
        demo: settings.section::<DemoSection>()?.enabled,
        arguments,
        health_port: health.port,
    };
    // On this thread, which lives as long as the process: the processes end with the thread that started them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(supervisor::run(plan))
}

/// The gateway's listeners at whatever port was free now, so that it has the same ones when it comes again.
fn pinned(gateway: &GatewaySection) -> Result<Vec<String>, Failure> {
    let tls = match gateway.tls() {
        Ok(TlsListen::On(address)) => Some(("tls_listen", address)),
        _ => None,
    };
    let listens = [("public_listen", gateway.public_listen), ("internal_listen", gateway.internal_listen)];
    let mut arguments = vec![];
    // All at once, so that none is given out twice.
    let mut held = vec![];
    for (key, address) in listens.into_iter().chain(tls).filter(|(_, address)| address.port() == 0) {
        let listener = std::net::TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        held.push(listener);
        arguments.extend(["--set".to_owned(), format!("{}.{key}={address}", GatewaySection::NAME)]);
    }
    Ok(arguments)
}
