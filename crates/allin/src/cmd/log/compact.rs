//! `allin log compact`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use allin_cluster::kafka::{self, KafkaLog, KafkaSection};
use allin_core::ids::Seq;
use allin_core::spot::{Limits, Spot};
use allin_runtime::config::{LogKind, LogSection, NodeSection, Settings, SnapshotSection, StoreSection};
use allin_runtime::oplog::{Compacted, Compactor, LOCK, Options, SnapshotStore};
use allin_runtime::storage::DiskStorage;
use clap::Parser;

use super::Place;
use crate::node::{Consumer, SHARD, consumers, last_of};
use crate::{Outcome, print, settings::SettingsArgs};

/// Verifies snapshots by replay, and removes the log behind them that no start and no consumer needs
///
/// Works on a stopped instance; a running one does the same by itself with log.keep = "needed". The log is kept from the
/// oldest of the snapshot.keep newest snapshots on, and from where the consumer that is furthest behind has stored it. When a
/// snapshot is damaged or is not what the log gives, nothing is removed. A log in Kafka is trimmed by its leader alone; --check
/// says what would go by what this machine has.
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
    let log: LogSection = settings.section()?;
    if log.kind == LogKind::Kafka {
        return on_kafka(&settings, &log, args.check);
    }
    let place = Place::of(&settings)?;
    let (node, stores): (NodeSection, StoreSection) = (settings.section()?, settings.section()?);
    let snapshot: SnapshotSection = settings.section()?;
    let _lock = place.storage.lock(LOCK).map_err(|error| {
        format!("{}: {error}; is the instance running? It trims by itself with log.keep = \"needed\"", LOCK)
    })?;
    let (consumers, stored) = stored(&stores, &node, &settings.section()?)?;
    let options = Options { snapshots_keep: snapshot.keep as usize, ..place.options.clone() };
    let snapshots = SnapshotStore::new(place.storage.clone(), &options);
    let compactor = Compactor::new(place.storage.clone(), &options, snapshots);
    let done = compactor.compact(stored, args.check, || Spot::new(Limits::default()))?;
    print(&text(&done, &consumers, args.check))?;
    Ok(ExitCode::SUCCESS)
}

fn on_kafka(settings: &Settings, log: &LogSection, check: bool) -> Outcome {
    if !check {
        return Err(
            "the log is in Kafka (log.kind), where its leader trims it with log.keep = \"needed\"; --check verifies"
                .into(),
        );
    }
    let (node, snapshot): (NodeSection, SnapshotSection) = (settings.section()?, settings.section()?);
    let (consumers, stored) = stored(&settings.section()?, &node, &settings.section()?)?;
    let keep = snapshot.keep as usize;
    let options = Options { snapshots_keep: keep, segment_bytes: log.segment_bytes, ..Options::new(SHARD) };
    let snapshots = SnapshotStore::new(Arc::new(DiskStorage::new(&node.data)), &options);
    let log = KafkaLog::new(SHARD, &settings.section::<KafkaSection>()?);
    let done = kafka::compact(&log, &snapshots, &options, (stored, true), || Spot::new(Limits::default()))?;
    print(&text(&done, &consumers, true))?;
    Ok(ExitCode::SUCCESS)
}

/// The consumers, and how far the last of them is.
fn stored(
    stores: &StoreSection,
    node: &NodeSection,
    kafka: &KafkaSection,
) -> Result<(Vec<Consumer>, Seq), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let consumers = runtime.block_on(consumers(stores, &node.data, kafka))?;
    let stored = last_of(&consumers).map_or(Seq(u64::MAX), |last| last.stored);
    Ok((consumers, stored))
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
            let _ =
                writeln!(text, "nothing to remove: less than a segment lies behind two snapshots and every consumer");
        }
    }
    let _ = writeln!(text, "log begins at {}", done.begin.0);
    text
}
