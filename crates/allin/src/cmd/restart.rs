//! `allin restart`: one service of `allin up --processes`.

use std::process::ExitCode;

use allin_runtime::config::NodeSection;
use clap::Args as ClapArgs;

use crate::processes::{Answer, Ask, ask};
use crate::{Outcome, settings::SettingsArgs};

/// Stops a service of `allin up --processes` in order, starts it again, and waits until it is ready
///
/// Instances of a service are restarted one after the other.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// A name as in `allin ps`, such as landry-spotapi-web, landry-spotapi-web-1 or gateway
    #[arg(value_name = "SERVICE")]
    service: String,

    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let node: NodeSection = args.settings.load()?.section()?;
    let asked = Ask::Restart { service: args.service.clone() };
    match ask(&node.data, &asked).map_err(|error| error as Box<dyn std::error::Error>)? {
        Answer::Done => Ok(ExitCode::SUCCESS),
        Answer::Refused(why) => Err(why.into()),
        other @ Answer::Processes(_) => Err(format!("the supervisor answered {other:?}").into()),
    }
}
