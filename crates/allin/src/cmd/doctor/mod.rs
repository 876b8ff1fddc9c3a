//! `allin doctor`: is everything that the exchange stands on there and right? It leaves nothing behind.

mod cache;
mod cluster;
mod data;
mod database;
mod disk;
mod ports;

use std::process::ExitCode;

use allin_runtime::config::{Deployment, EngineSection, LogSection, NodeSection, SnapshotSection, TelemetrySection};
use clap::Parser;

use crate::{Outcome, print, settings::SettingsArgs};

/// Checks what the exchange stands on, and says what to do about each fault
#[derive(Debug, Parser)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What one check found.
struct Finding {
    state: State,
    check: &'static str,
    says: String,
    /// What to do, when something is to be done.
    advice: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// It will run, but worse than it could.
    Warn,
    /// It will not run.
    Fail,
}

impl Finding {
    fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { state: State::Ok, check, says: says.into(), advice: None }
    }

    fn warn(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Warn, check, says: says.into(), advice: Some(advice.into()) }
    }

    fn fail(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fail, ..Self::warn(check, says, advice) }
    }

    fn line(&self) -> String {
        let word = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let mut line = format!("{word:<5} {:<16} {}\n", self.check, self.says);
        if let Some(advice) = &self.advice {
            line.push_str(&format!("      {:<16} → {advice}\n", ""));
        }
        line
    }
}

pub fn run(args: &Args) -> Outcome {
    // A wrong configuration is an error of its own, which names its key.
    let settings = args.settings.load()?;
    let node: NodeSection = settings.section()?;
    let log: LogSection = settings.section()?;
    settings.section::<EngineSection>()?;
    settings.section::<SnapshotSection>()?;
    settings.section::<TelemetrySection>()?;
    let deployment = Deployment::new(&settings)?;

    let mut failed = false;
    let mut tell = |findings: Vec<Finding>| {
        failed |= findings.iter().any(|finding| finding.state == State::Fail);
        findings.iter().try_for_each(|finding| print(&finding.line()))
    };
    tell(vec![Finding::ok("configuration", "every key is known and valid")])?;
    tell(data::check(&node.data))?;
    tell(disk::check(&data::existing(&node.data), &log))?;
    tell(cluster::check(&node.data, &log, &settings.section()?, &settings.section()?))?;
    tell(cache::check(&settings.section()?)?)?;
    tell(database::check(&settings.section()?, &node.data)?)?;
    tell(ports::check(node.listen, &deployment))?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
