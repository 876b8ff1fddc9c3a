//! `allin topology`: the topology, with what is built and where it is served.

use std::{
    collections::BTreeSet,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use allin_runtime::config::Deployment;
use allin_topology::render::{File, View, is_generated};
use clap::{Parser, ValueEnum};

use crate::{Outcome, print, registry, settings::SettingsArgs};

/// Where generated files are; what is left over is looked for here.
const DEPLOY: &str = "deploy";

/// Shows every service, route, dependency and middleware, and which services are built
#[derive(Debug, Parser)]
pub struct Args {
    /// How it is written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,

    /// Checks instead: the code against the topology, and generated files for being stale
    #[arg(long)]
    check: bool,

    /// Writes every generated file instead, and removes those that are no longer made
    #[arg(long, conflicts_with = "check")]
    write: bool,

    /// The repository whose generated files are checked or written
    #[arg(long, value_name = "DIR", default_value = ".")]
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
    /// The base of the manifests, deploy/kubernetes/base, as one stream
    Kubernetes,
    /// The laptop's deploy/compose/compose.yaml
    Compose,
    /// What Terraform has to know, deploy/terraform/topology.tf.json
    Terraform,
}

pub fn run(args: &Args) -> Outcome {
    let deployment = Deployment::new(&args.settings.load()?)?;
    let built = registry::built();
    let view = View { topology: &deployment.topology, built: &built, addresses: &deployment.addresses };
    if args.check {
        return check(&args.root, view);
    }
    if args.write {
        return write(&args.root, view);
    }
    let text = match args.format {
        Format::Table => view.table(),
        Format::Mermaid => view.mermaid(),
        Format::Json => view.json(),
        Format::Markdown => view.markdown(),
        Format::Apisix => view.apisix(),
        Format::Kubernetes => view.kubernetes(),
        Format::Compose => view.compose(),
        Format::Terraform => view.terraform(),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn check(root: &Path, view: View<'_>) -> Outcome {
    let mut faults = registry::faults(view.topology);
    let files = view.files();
    for File { path, text: wanted } in &files {
        let path = root.join(path);
        match fs::read_to_string(&path) {
            Ok(text) if text == *wanted => {}
            Ok(_) => faults.push(format!("{} is stale; run: allin topology --write", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                faults.push(format!("{} is not there; --root names the repository", path.display()));
            }
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        }
    }
    for path in left_over(root, &files)? {
        faults.push(format!("{} is left over; run: allin topology --write", path.display()));
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

fn write(root: &Path, view: View<'_>) -> Outcome {
    if !root.join("topology.yaml").exists() {
        return Err(format!("{} has no topology.yaml; --root names the repository", root.display()).into());
    }
    let files = view.files();
    let mut told = String::new();
    for File { path, text } in &files {
        let target = root.join(path);
        if fs::read_to_string(&target).is_ok_and(|there| there == *text) {
            continue;
        }
        let folder = target.parent().ok_or("a generated file is in a folder")?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&target, text))
            .map_err(|error| format!("{}: {error}", target.display()))?;
        told.push_str(&format!("wrote {path}\n"));
    }
    for path in left_over(root, &files)? {
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        told.push_str(&format!("removed {}\n", path.display()));
    }
    print(if told.is_empty() { "nothing changed\n" } else { &told })?;
    Ok(ExitCode::SUCCESS)
}

/// Files that say that they are generated, and are not any more: those of a service that went away.
fn left_over(root: &Path, files: &[File]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let wanted: BTreeSet<PathBuf> = files.iter().map(|file| root.join(&file.path)).collect();
    let mut folders = vec![root.join(DEPLOY)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| format!("{}: {error}", folder.display()))?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !wanted.contains(&path) && fs::read_to_string(&path).is_ok_and(|text| is_generated(&text)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
