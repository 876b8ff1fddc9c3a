//! `allin ps`: the processes of `allin up --processes`.

use std::process::ExitCode;

use allin_runtime::config::NodeSection;
use clap::{Args as ClapArgs, ValueEnum};

use crate::processes::{Answer, Ask, Row, ask};
use crate::{Outcome, settings::SettingsArgs};

/// Lists the processes that `allin up --processes` looks after
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One array of objects
    Json,
}

pub fn run(args: &Args) -> Outcome {
    let node: NodeSection = args.settings.load()?.section()?;
    match ask(&node.data, &Ask::Ps).map_err(|error| error as Box<dyn std::error::Error>)? {
        Answer::Processes(rows) if args.format == Format::Json => {
            crate::print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        }
        Answer::Processes(rows) => crate::print(&table(&rows))?,
        other => return Err(format!("the supervisor answered {other:?}").into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<28} {:>8} {:<9} {:<6} {:>8} {:>8}  {}\n",
        "SERVICE", "PID", "STATE", "READY", "UPTIME", "RESTARTS", "ADDRESSES"
    );
    for row in rows {
        let name = match row.instance {
            0 => row.service.clone(),
            instance => format!("{}-{instance}", row.service),
        };
        let pid = row.pid.map_or("-".to_owned(), |pid| pid.to_string());
        let state = format!("{:?}", row.state).to_lowercase();
        let ready = if row.ready { "yes" } else { "no" };
        let uptime = format!("{}s", row.uptime_s);
        let addresses = row.addresses.join(" ");
        text.push_str(&format!(
            "{name:<28} {pid:>8} {state:<9} {ready:<6} {uptime:>8} {:>8}  {addresses}",
            row.restarts
        ));
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
