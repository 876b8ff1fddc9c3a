//! Files that do not belong together, and records that verify but cannot follow: refused by name.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq};
use allin_runtime::oplog::{LogError, Options, recover};
use allin_runtime::storage::{SimStorage, Storage};
use allin_wire::oplog::frame::{self, Header, kind};

use super::support::{Witness, at, command, extend, options, segment_name, start};
use super::torn::salt;

fn refusal(disk: &SimStorage) -> String {
    start(disk).map(|_| ()).unwrap_err().to_string()
}

fn long_log() -> (SimStorage, Vec<String>) {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 800, 8);
    writer.close().unwrap();
    let segments = disk.list("oplog").unwrap().into_iter().filter(|name| name.ends_with(".log"));
    (disk.copy(), segments.map(|name| format!("oplog/{name}")).collect())
}

#[test]
fn a_missing_segment_is_refused() {
    let (disk, segments) = long_log();
    assert!(segments.len() >= 4);
    disk.remove(&segments[1]).unwrap();
    let error = refusal(&disk);
    assert!(
        error.starts_with(&segments[0]) && error.contains("the segment ends there, and the next begins at"),
        "{error}"
    );

    let (disk, segments) = long_log();
    disk.remove(&segments[0]).unwrap();
    assert!(refusal(&disk).starts_with("the log begins at sequence"));
}

#[test]
fn a_renamed_segment_is_refused() {
    let (disk, segments) = long_log();
    let second: u64 = segments[1][6..26].parse().unwrap();
    let bytes = disk.bytes(&segments[1]).unwrap();
    disk.remove(&segments[1]).unwrap();
    disk.put(&segment_name(second + 1), &bytes);
    assert!(start(&disk).is_err());
    let disk = SimStorage::new();
    disk.put(&segment_name(1), &bytes);
    assert!(refusal(&disk).contains("it was renamed"));
}

/// The same sequences, written by another run: the file verifies, but does not follow.
#[test]
fn a_segment_of_another_log_is_refused() {
    let (disk, segments) = long_log();
    let (other, _) = {
        let disk = SimStorage::new();
        let mut writer = start(&disk).unwrap().writer;
        for seq in 1..=800 {
            writer.append(Epoch(2), Seq(seq), at(seq), &command(seq)).unwrap();
            writer.sync().unwrap();
        }
        (disk, ())
    };
    disk.put(&segments[1], &other.bytes(&segments[1]).unwrap());
    assert!(refusal(&disk).contains("does not follow the one before it"));
}

#[test]
fn another_shards_log_is_refused() {
    let (disk, segments) = long_log();
    let result = recover(Arc::new(disk), &Options { shard: "perp".into(), ..options() }, Witness::default);
    let error = result.map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, format!("{}: belongs to shard \"spot\", not to \"perp\"", segments[0]));
}

/// A record appended by hand behind three good ones.
fn with_record(change: impl Fn(&mut Header), payload: &[u8]) -> String {
    let disk = SimStorage::new();
    extend(&mut start(&disk).unwrap().writer, 3, 3);
    let name = segment_name(1);
    let mut bytes = disk.bytes(&name).unwrap();
    let size = bytes.len();
    let mut end = 72;
    while let Ok(record) = frame::read(salt(1), &bytes[end..]) {
        end += record.len;
    }
    bytes.truncate(end);
    let mut header = Header {
        kind: kind::COMMAND,
        version: allin_wire::oplog::VERSION,
        epoch: Epoch(1),
        seq: Seq(4),
        at: at(4),
        durable: Seq(3),
    };
    change(&mut header);
    let write = |out: &mut Vec<u8>| -> Result<(), ()> {
        out.extend_from_slice(payload);
        Ok(())
    };
    frame::put(&mut bytes, salt(1), &header, write).unwrap();
    bytes.resize(size, 0);
    disk.kill();
    disk.put(&name, &bytes);
    start(&disk).map_or_else(|error| error.to_string(), |recovered| format!("{} records", recovered.machine.seen.len()))
}

#[test]
fn a_record_that_cannot_follow_is_refused() {
    const TICK: &[u8] = &[2];
    assert_eq!(with_record(|_| {}, TICK), "4 records");
    type Change = fn(&mut Header);
    let rows: [(&str, Change, &[u8], &str); 9] = [
        ("a sequence too high", |h| h.seq = Seq(5), TICK, "a record of sequence 5 stands there"),
        ("a sequence again", |h| h.seq = Seq(3), TICK, "a record of sequence 3 stands there"),
        ("an epoch going back", |h| h.epoch = Epoch(0), TICK, "epoch 0 follows epoch 1"),
        ("durable before written", |h| h.durable = Seq(4), TICK, "the record says that 4 was synced"),
        ("a mark of the future", |h| h.kind = kind::MARK, &[], "a record of sequence 4 stands there"),
        ("a kind of the future", |h| h.kind = 9, TICK, "unknown kind 9"),
        ("a version of the future", |h| h.version = 2, TICK, "version 2 of the commands is unknown"),
        ("a command of the future", |_| {}, &[99], "command number 99 is unknown"),
        ("a command and more", |_| {}, &[2, 2], "1 bytes follow the command"),
    ];
    for (name, change, payload, want) in rows {
        let error = with_record(change, payload);
        assert!(error.contains(want), "{name}: {error}");
    }
}

/// A crash between making a segment and its first batch.
#[test]
fn an_empty_last_segment_is_fine_and_an_empty_middle_one_is_not() {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 50, 5);
    drop(writer);
    for (name, image) in [("zeros", vec![0; 20_000]), ("nothing", vec![]), ("half a header", b"ALLINLOG\x01".to_vec())]
    {
        let disk = disk.copy();
        disk.put(&segment_name(51), &image);
        let mut writer = start(&disk).unwrap_or_else(|error| panic!("{name}: {error}")).writer;
        extend(&mut writer, 90, 5);
        drop(writer);
        assert_eq!(start(&disk).unwrap().machine.seen.len(), 90, "{name}");
        let middle = disk.copy();
        middle.put(&segment_name(51), &image);
        middle.put(&segment_name(91), &[]);
        assert!(matches!(start(&middle).map(|_| ()), Err(LogError::Damaged { .. })), "{name}");
    }
}
