//! `allin log verify`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use allin_cluster::kafka::{self, KafkaLog, KafkaSection};
use allin_core::spot::{Limits, Spot};
use allin_runtime::config::{LogKind, LogSection, NodeSection};
use allin_runtime::oplog::{Options, SnapshotStore, Tail, Verified};
use allin_runtime::storage::DiskStorage;
use clap::Parser;
use serde_json::json;

use super::{Format, Place, ledger};
use crate::node::SHARD;
use crate::{Outcome, print, settings::SettingsArgs};

/// Checks every record and snapshot, replays them all, compares digests, and sums the ledger
///
/// Works on a stopped and on a running instance. Ends with an error when anything is not as it should be.
#[derive(Debug, Parser)]
pub struct Args {
    /// How the result is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let (shard, mut found) = verify(&args.settings)?;
    found.faults.extend(ledger::faults(&found.machine));
    print(&match args.format {
        Format::Text => text(&shard, &found),
        Format::Json => format!("{:#}\n", json(&shard, &found)),
    })?;
    Ok(if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The shard's name and what was found, wherever its log is kept.
fn verify(args: &SettingsArgs) -> Result<(String, Verified<Spot>), Box<dyn std::error::Error>> {
    let settings = args.load()?;
    if settings.section::<LogSection>()?.kind == LogKind::Files {
        let place = Place::of(&settings)?;
        let found = place.fold()?.verify()?;
        return Ok((place.options.shard, found));
    }
    let node: NodeSection = settings.section()?;
    let snapshots = SnapshotStore::new(Arc::new(DiskStorage::new(&node.data)), &Options::new(SHARD));
    let log = KafkaLog::new(SHARD, &settings.section::<KafkaSection>()?);
    let found = kafka::verify(&log, &snapshots, Spot::new(Limits::default()))?;
    Ok((SHARD.to_owned(), found))
}

fn text(shard: &str, found: &Verified<Spot>) -> String {
    let machine = &found.machine;
    let agreed: Vec<String> = found.snapshots.iter().map(|meta| meta.seq.0.to_string()).collect();
    let snapshots = if agreed.is_empty() { "none".to_owned() } else { format!("{} agree", agreed.join(", ")) };
    let mut text = format!(
        "shard          {shard}\nbegins after   {}\nlast sequence  {}\nepoch          {}\ndigest         {:016x}\n\
         state hash     {:016x}\nsnapshots      {snapshots}\nend            {}\n\n{}",
        found.begin.0,
        machine.seq().0,
        machine.epoch().0,
        machine.digest(),
        machine.state_hash(),
        end(found.tail),
        ledger::text(machine),
    );
    for fault in &found.faults {
        let _ = writeln!(text, "\nFAULT  {fault}");
    }
    text + if found.faults.is_empty() { "\nok\n" } else { "" }
}

fn end(tail: Option<Tail>) -> String {
    match tail {
        None => "not reached".to_owned(),
        Some(Tail { torn: 0, .. }) => "clean".to_owned(),
        Some(Tail { offset, torn }) => {
            format!("{torn} bytes of a write that is torn, or not finished yet, at offset {offset}; no fault")
        }
    }
}

fn json(shard: &str, found: &Verified<Spot>) -> serde_json::Value {
    let machine = &found.machine;
    json!({
        "ok": found.faults.is_empty(),
        "shard": shard,
        "begins_after": found.begin.0,
        "last_sequence": machine.seq().0,
        "epoch": machine.epoch().0,
        "digest": format!("{:016x}", machine.digest()),
        "state_hash": format!("{:016x}", machine.state_hash()),
        "snapshots": found.snapshots.iter().map(|meta| meta.seq.0).collect::<Vec<_>>(),
        "torn_bytes": found.tail.map(|tail| tail.torn),
        "conservation": ledger::json(machine),
        "faults": found.faults,
    })
}
