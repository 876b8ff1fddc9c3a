//! `allin log`: the operation log, looked at and verified; on a stopped instance and beside a running one. All but
//! `compact` only read.

mod columns;
mod compact;
mod inspect;
mod ledger;
mod replay;
mod verify;

use std::sync::Arc;

use allin_core::spot::{Limits, Spot};
use allin_runtime::config::{LogKind, LogSection, NodeSection, Settings};
use allin_runtime::oplog::{Fold, Options, shard_of};
use allin_runtime::storage::{DiskStorage, Storage};
use clap::{Parser, Subcommand, ValueEnum};

use crate::{Outcome, settings::SettingsArgs};

/// Looks at the operation log: what it holds, whether it is good, what it comes to
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    command: Log,
}

#[derive(Debug, Subcommand)]
enum Log {
    Inspect(inspect::Args),
    Compact(compact::Args),
    Verify(verify::Args),
    Replay(replay::Args),
    Digest(replay::DigestArgs),
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One object
    Json,
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Log::Inspect(args) => inspect::run(args),
        Log::Compact(args) => compact::run(args),
        Log::Verify(args) => verify::run(args),
        Log::Replay(args) => replay::run(args),
        Log::Digest(args) => replay::run_digest(args),
    }
}

/// A log on the disk.
struct Place {
    storage: Arc<dyn Storage>,
    options: Options,
}

impl Place {
    fn find(settings: &SettingsArgs) -> Result<Place, Box<dyn std::error::Error>> {
        Place::of(&settings.load()?)
    }

    fn of(settings: &Settings) -> Result<Place, Box<dyn std::error::Error>> {
        if settings.section::<LogSection>()?.kind == LogKind::Kafka {
            return Err(
                "the log is in Kafka (log.kind), where only `allin log verify` and `allin log compact --check` read it"
                    .into(),
            );
        }
        let node: NodeSection = settings.section()?;
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(&node.data));
        let options = Options::new(shard_of(&*storage)?);
        Ok(Place { storage, options })
    }

    fn fold(&self) -> Result<Fold<Spot>, Box<dyn std::error::Error>> {
        Ok(Fold::begin(self.storage.clone(), &self.options, || Spot::new(Limits::default()))?)
    }
}
