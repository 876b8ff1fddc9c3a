//! `allin log inspect`.

use std::process::ExitCode;

use allin_core::ids::Seq;
use allin_runtime::oplog::{LogError, Reader, SegmentInfo, SnapshotStore, segments};
use clap::Parser;

use super::Place;
use super::columns::{columns, utc};
use crate::{Outcome, print, settings::SettingsArgs};

/// Lists segments and snapshots, or the commands of a range of sequences
#[derive(Debug, Parser)]
pub struct Args {
    /// Prints the commands from this sequence on
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,

    /// Prints the commands up to this sequence
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,

    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &Args) -> Outcome {
    let place = Place::find(&args.settings)?;
    match (args.from, args.to) {
        (None, None) => files(&place),
        (from, to) => commands(&place, from, to.unwrap_or(u64::MAX)),
    }
}

fn files(place: &Place) -> Outcome {
    let found = segments(&place.storage, &place.options.shard)?;
    let heads =
        ["segment", "first", "last", "commands", "marks", "epochs", "bytes", "allocated", "first time", "last time"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(found.iter().map(row));
    let mut text = format!("shard {}\n\n{}", place.options.shard, columns(&rows));
    for (segment, note) in found.iter().filter_map(|segment| Some((segment, segment.note.as_ref()?))) {
        text += &format!("\n{}: {note}\n", segment.file);
    }
    text.push('\n');
    let store = SnapshotStore::new(place.storage.clone(), &place.options);
    for seq in store.list()? {
        text += &match store.load(seq) {
            Ok((meta, bytes)) => format!(
                "snapshot {}  epoch {}  {}  digest {:016x}  state hash {:016x}  {} bytes\n",
                seq.0,
                meta.epoch.0,
                utc(meta.at.0),
                meta.digest,
                meta.state_hash,
                bytes.len()
            ),
            Err(error) => format!("snapshot {}  {error}\n", seq.0),
        };
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn row(segment: &SegmentInfo) -> Vec<String> {
    let (from, to) = segment.times.map_or_else(Default::default, |(from, to)| (utc(from.0), utc(to.0)));
    vec![
        segment.file.clone(),
        segment.first.0.to_string(),
        segment.last.0.to_string(),
        segment.commands.to_string(),
        segment.marks.to_string(),
        segment.epochs.map_or_else(String::new, |(low, high)| format!("{}-{}", low.0, high.0)),
        segment.bytes.to_string(),
        segment.allocated.to_string(),
        from,
        to,
    ]
}

fn commands(place: &Place, from: Option<u64>, to: u64) -> Outcome {
    let begin = segments_begin(place)?;
    let from = from.map_or(begin, Seq);
    let mut reader = Reader::open(place.storage.clone(), &place.options, from)?;
    while reader.position().0 <= to {
        let Some(entry) = reader.next_written()? else { break };
        let (seq, epoch, at) = (entry.seq.0, entry.epoch.0, utc(entry.at.0));
        print(&format!("{seq} {at} epoch {epoch} {:?}\n", entry.command))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The first sequence that the log still has.
fn segments_begin(place: &Place) -> Result<Seq, LogError> {
    match Reader::open(place.storage.clone(), &place.options, Seq(0)) {
        Err(LogError::Gone { first, .. }) => Ok(Seq(first)),
        Err(error) => Err(error),
        Ok(_) => Ok(Seq(0)),
    }
}
