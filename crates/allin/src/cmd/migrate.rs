//! `allin migrate`: brings the tables of every service to the newest version, ahead of the services' own start.

use std::path::Path;
use std::process::ExitCode;

use allin_runtime::config::{Domain, NodeSection, StoreSection};
use allin_runtime::store::{Schema, Store, StoreError};
use clap::Parser;

use crate::{Outcome, print, schemas, settings::SettingsArgs};

/// Brings the tables of all services to the newest version, in the databases that are configured
///
/// Services do the same for their own tables when they start. A role that may make tables can be used here, and another one
/// that may not by the services.
#[derive(Debug, Parser)]
pub struct Args {
    /// Changes nothing; fails when something is missing
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let settings = args.settings.load()?;
    let (node, stores): (NodeSection, StoreSection) = (settings.section()?, settings.section()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut missing = false;
    for (service, schema) in schemas::all() {
        let work = one(service, &schema, &stores, &node.data, args.check);
        let versions = runtime.block_on(work).map_err(|error| advised(service, &stores, &error))?;
        missing |= args.check && !versions.is_empty();
        let what = match (versions.as_slice(), args.check) {
            ([], _) => format!("is at version {}", schema.newest()),
            (versions, true) => format!("lacks {}", listed(versions)),
            (versions, false) => format!("applied {}", listed(versions)),
        };
        print(&format!("{service:<28} {what}\n"))?;
    }
    if missing {
        print("run `allin migrate` with the same settings\n")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Versions that were applied, or that are missing.
async fn one(
    service: &str,
    schema: &Schema,
    stores: &StoreSection,
    data: &Path,
    check: bool,
) -> Result<Vec<u32>, StoreError> {
    let url = stores.url_of(service, data);
    // Looking must not make a file.
    if check && url.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists()) {
        return Ok(schema.migrations.iter().map(|migration| migration.version).collect());
    }
    let store = Store::open(&url).await?;
    let versions = if check { schema.missing(&store).await } else { schema.apply(&store).await };
    store.close().await;
    versions
}

fn listed(versions: &[u32]) -> String {
    let versions: Vec<String> = versions.iter().map(u32::to_string).collect();
    format!("version {}", versions.join(", "))
}

/// The error, with the setting that led there.
fn advised(service: &str, stores: &StoreSection, error: &StoreError) -> String {
    let domain = Domain::of(service);
    match stores.server(domain) {
        Some(_) => format!("{service}: {error} (store.{}); `allin doctor` says more", domain.key()),
        None => format!("{service}: {error}"),
    }
}
