//! What is written is read, by a reader beside the writer and by the next start.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq};
use allin_core::spot::command::{BATCH_MAX, Command, NewOrder, Side};
use allin_core::{ids::MarketId, ids::UserId, num::PriceTicks, num::QtyLots};
use allin_runtime::oplog::{LogError, Options, Reader, recover};
use allin_runtime::storage::{DiskStorage, SimStorage, Storage};
use allin_wire::oplog::arbitrary;
use proptest::prelude::*;

use super::support::{Witness, append, at, command, extend, history, options, start};

#[test]
fn a_log_on_disk_is_read_back_and_continued() {
    let dir = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(dir.path()));
    for last in [0, 700, 701, 1500] {
        let recovered = recover(storage.clone(), &options(), Witness::default).unwrap();
        assert_eq!(recovered.machine.seen, history(recovered.writer.durable().0));
        let mut writer = recovered.writer;
        extend(&mut writer, last, 16);
        writer.close().unwrap();
    }
    let segments = storage.list("oplog").unwrap();
    assert!(segments.iter().filter(|name| name.ends_with(".log")).count() >= 5, "several segments: {segments:?}");
    let recovered = recover(storage, &options(), Witness::default).unwrap();
    assert_eq!((recovered.machine.seen, recovered.epoch), (history(1500), Epoch(1)));
}

#[test]
fn a_reader_follows_the_writer_from_anywhere() {
    let disk = SimStorage::new();
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let mut writer = start(&disk).unwrap().writer;
    let mut readers: Vec<Reader> = [1, 2, 333, 900, 5000]
        .map(|from| Reader::open(storage.clone(), &options(), Seq(from)).unwrap())
        .into_iter()
        .collect();
    let mut got: Vec<Vec<u64>> = vec![Vec::new(); readers.len()];
    for last in (10..=1200).step_by(70) {
        extend(&mut writer, last, 9);
        if last % 3 == 0 {
            writer.mark().unwrap();
        }
        // Buffered and not synced: no reader may ask for it, and a reader that read ahead must not be misled.
        append(&mut writer, last + 1).unwrap();
        for (reader, got) in readers.iter_mut().zip(&mut got) {
            while let Some(entry) = reader.next(writer.durable()).unwrap() {
                assert_eq!((entry.at, entry.command), (at(entry.seq.0), command(entry.seq.0)));
                got.push(entry.seq.0);
            }
        }
        writer.sync().unwrap();
    }
    let durable = writer.durable().0 - 1;
    let want: Vec<Vec<u64>> = [1, 2, 333, 900, 5000].map(|from| (from..=durable).collect()).into_iter().collect();
    assert_eq!(got, want);
}

#[test]
fn a_reader_asked_for_more_than_there_is_says_so() {
    let disk = SimStorage::new();
    extend(&mut start(&disk).unwrap().writer, 5, 1);
    let mut reader = Reader::open(Arc::new(disk), &options(), Seq(5)).unwrap();
    assert_eq!(reader.next(Seq(4)).unwrap(), None);
    assert!(reader.next(Seq(6)).unwrap().is_some());
    assert!(matches!(reader.next(Seq(6)), Err(LogError::Damaged { seq: 6, .. })));
}

#[test]
fn two_writers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open = || recover(Arc::new(DiskStorage::new(dir.path())), &options(), Witness::default);
    let first = open().unwrap();
    let error = open().map(|_| ()).unwrap_err();
    assert!(matches!(&error, LogError::Locked { file } if file.ends_with("oplog/LOCK")), "{error}");
    drop(first);
    open().unwrap();
}

#[test]
fn a_command_beyond_its_bounds_leaves_no_trace() {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    let order = NewOrder::limit(UserId(1), MarketId(0), Side::Buy, PriceTicks(1), QtyLots(1));
    let batch = Command::PlaceBatch(vec![order; BATCH_MAX + 1]);
    assert!(matches!(writer.append(Epoch(1), Seq(1), at(1), &batch), Err(LogError::Malformed(_))));
    extend(&mut writer, 3, 1);
    drop(writer);
    assert_eq!(start(&disk).unwrap().machine.seen, history(3));
}

#[test]
fn options_out_of_range_are_refused() {
    let small = Options { segment_bytes: 100, ..options() };
    let long = Options { shard: "x".repeat(32), ..options() };
    for options in [small, long, Options::new("")] {
        let result = recover(Arc::new(SimStorage::new()), &options, Witness::default);
        assert!(matches!(result.map(|_| ()), Err(LogError::Unfit { .. })), "{options:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever the commands, batches, kills and power failures (with everything synced): the same commands come back.
    #[test]
    fn any_commands_come_back(
        commands in prop::collection::vec(arbitrary::command(), 1..120),
        cuts in prop::collection::vec(1usize..12, 1..12),
        seed in any::<u64>(),
    ) {
        let disk = SimStorage::new();
        let mut wanted = Vec::new();
        let mut rest = &commands[..];
        for (turn, cut) in cuts.iter().cycle().enumerate() {
            let recovered = start(&disk).unwrap();
            prop_assert_eq!(&recovered.machine.seen, &wanted);
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            let epoch = Epoch(recovered.epoch.0.saturating_add(1));
            let mut writer = recovered.writer;
            for command in now {
                let seq = wanted.len() as u64 + 1;
                writer.append(epoch, Seq(seq), at(seq), command).unwrap();
                wanted.push((at(seq), command.clone()));
            }
            writer.sync().unwrap();
            match turn % 3 {
                0 => writer.close().unwrap(),
                1 => disk.kill(),
                _ => disk.crash(seed ^ turn as u64),
            }
            rest = later;
        }
    }
}
