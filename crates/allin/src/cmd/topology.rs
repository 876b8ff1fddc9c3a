//! `allin topology`: the topology, with what is built and where it is served.

use std::{fs, io, path::PathBuf, process::ExitCode};

use allin_runtime::config::Deployment;
use allin_topology::render::View;
use clap::{Parser, ValueEnum};

use crate::{Outcome, print, registry, settings::SettingsArgs};

/// The generated files that `--check` compares.
const SERVICES_FILE: &str = "SERVICES.md";
const GATEWAY_FILE: &str = "deploy/apisix/apisix.yaml";

/// Shows every service, route, dependency and middleware, and which services are built
#[derive(Debug, Parser)]
pub struct Args {
    /// How it is written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Checks instead: the code against the topology, and generated files for being stale
    #[arg(long)]
    check: bool,

    /// The repository whose generated files are checked
    #[arg(long, value_name = "DIR", default_value = ".", requires = "check")]
    root: PathBuf,

    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Columns
    Table,
    /// A flow chart
    Mermaid,
    /// One object
    Json,
    /// The text of SERVICES.md
    Markdown,
    /// The gateway's table, deploy/apisix/apisix.yaml
    Apisix,
}

pub fn run(args: &Args) -> Outcome {
    let deployment = Deployment::new(&args.settings.load()?)?;
    let built = registry::built();
    let view = View { topology: &deployment.topology, built: &built, addresses: &deployment.addresses };
    if args.check {
        return check(args, view);
    }
    let text = match args.format {
        Format::Table => view.table(),
        Format::Mermaid => view.mermaid(),
        Format::Json => view.json(),
        Format::Markdown => view.markdown(),
        Format::Apisix => view.apisix(),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn check(args: &Args, view: View<'_>) -> Outcome {
    let mut faults = registry::faults(view.topology);
    let files = [(SERVICES_FILE, "markdown", view.markdown()), (GATEWAY_FILE, "apisix", view.apisix())];
    for (file, format, wanted) in files {
        let path = args.root.join(file);
        match fs::read_to_string(&path) {
            Ok(text) if text == wanted => {}
            Ok(_) => {
                faults.push(format!("{} is stale; run: allin topology --format {format} > {file}", path.display()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                faults.push(format!("{} is not there; --root names the repository", path.display()));
            }
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        }
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        print("code, topology and generated files agree\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
