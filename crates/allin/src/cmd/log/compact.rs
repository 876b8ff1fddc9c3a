//! `allin log compact`.

use std::fmt::Write as _;
use std::process::ExitCode;

use allin_core::ids::Seq;
use allin_core::spot::{Limits, Spot};
use allin_runtime::config::{NodeSection, SnapshotSection, StoreSection};
use allin_runtime::oplog::{Compacted, Compactor, LOCK, Options, SnapshotStore};
use clap::Parser;

use super::Place;
use crate::node::{Consumer, consumers, last_of};
use crate::{Outcome, print, settings::SettingsArgs};

/// Verifies snapshots by replay, and removes the log behind them that no start and no consumer needs
///
/// Works on a stopped instance; a running one does the same by itself with log.keep = "needed". The log is kept from the
/// oldest of the snapshot.keep newest snapshots on, and from where the consumer that is furthest behind has stored it. When a
/// snapshot is damaged or is not what the log gives, nothing is removed.
#[derive(Debug, Parser)]
pub struct Args {
    /// Removes nothing: verifies, and says what would go
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let settings = args.settings.load()?;
    let place = Place::of(&settings)?;
    let (node, stores): (NodeSection, StoreSection) = (settings.section()?, settings.section()?);
    let snapshot: SnapshotSection = settings.section()?;
    let _lock = place.storage.lock(LOCK).map_err(|error| {
        format!("{}: {error}; is the instance running? It trims by itself with log.keep = \"needed\"", LOCK)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let consumers = runtime.block_on(consumers(&stores, &node.data))?;
    let stored = last_of(&consumers).map_or(Seq(u64::MAX), |last| last.stored);
    let options = Options { snapshots_keep: snapshot.keep as usize, ..place.options.clone() };
    let snapshots = SnapshotStore::new(place.storage.clone(), &options);
    let compactor = Compactor::new(place.storage.clone(), &options, snapshots);
    let done = compactor.compact(stored, args.check, || Spot::new(Limits::default()))?;
    print(&text(&done, &consumers, args.check))?;
    Ok(ExitCode::SUCCESS)
}

fn text(done: &Compacted, consumers: &[Consumer], check: bool) -> String {
    let mut text = String::new();
    for consumer in consumers {
        let _ = writeln!(text, "{:<28} has stored {}", consumer.service, consumer.stored.0);
    }
    let verified: Vec<String> = done.verified.iter().map(|seq| seq.0.to_string()).collect();
    match done.anchor {
        Some(anchor) => {
            let (count, goes) = (done.removed.len(), if check { "would go" } else { "removed" });
            let _ = writeln!(
                text,
                "verified      snapshots {} by a replay of {} commands",
                verified.join(", "),
                done.replayed
            );
            let _ = writeln!(text, "{goes:<13} {count} segments behind snapshot {}", anchor.0);
        }
        None => {
            let _ = writeln!(text, "nothing to remove: no whole segment lies behind two snapshots and every consumer");
        }
    }
    let _ = writeln!(text, "log begins at {}", done.begin.0);
    text
}
