//! Snapshots: what is written is loaded, or refused; a start never trusts a damaged one and never gives up data for it.

use std::sync::Arc;

use allin_core::ids::Seq;
use allin_core::spot::Spot;
use allin_runtime::oplog::{LogError, Machine, Options, SnapshotMeta, SnapshotStore};
use allin_runtime::storage::{SimStorage, Storage};

use super::support::{Witness, extend, history, options, segment_name, start};

fn snapshot_name(seq: u64) -> String {
    format!("snapshots/{seq:020}.snap")
}

fn state(last: u64) -> Witness {
    let mut machine = Witness::default();
    for (index, (at, command)) in history(last).iter().enumerate() {
        machine.apply(Seq(index as u64 + 1), *at, command, &mut Vec::new());
    }
    machine
}

fn save(disk: &SimStorage, last: u64) {
    let machine = state(last);
    let store = SnapshotStore::new(Arc::new(disk.clone()), &options());
    store.save(&machine).unwrap();
}

/// A log of `last` commands in several segments.
fn log(last: u64) -> SimStorage {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, last, 8);
    writer.close().unwrap();
    disk
}

#[test]
fn the_newest_are_kept_and_the_tail_is_replayed() {
    let disk = log(600);
    for seq in [100, 200, 300, 400, 500] {
        save(&disk, seq);
    }
    let recovered = start(&disk).unwrap();
    assert_eq!(recovered.snapshots.list().unwrap(), [Seq(300), Seq(400), Seq(500)]);
    assert_eq!((recovered.machine.seen, recovered.replayed), (history(600), 100));
    // Exactly at the end of the log, and in the middle of a segment that goes on.
    save(&disk, 600);
    drop(recovered.writer);
    let recovered = start(&disk).unwrap();
    assert_eq!((recovered.machine.seen, recovered.replayed), (history(600), 0));
    let mut writer = recovered.writer;
    extend(&mut writer, 700, 8);
    drop(writer);
    assert_eq!(start(&disk).unwrap().machine.seen, history(700));
}

#[test]
fn every_flipped_bit_is_found() {
    let disk = SimStorage::new();
    save(&disk, 4);
    let name = snapshot_name(4);
    let bytes = disk.bytes(&name).unwrap();
    let store = SnapshotStore::new(Arc::new(disk.clone()), &options());
    let (meta, payload) = store.load(Seq(4)).unwrap();
    assert_eq!(meta, SnapshotMeta::of(&state(4)));
    assert_eq!(Witness::restore(&payload).unwrap(), state(4));
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        disk.put(&name, &flipped);
        let error = store.load(Seq(4)).unwrap_err();
        assert!(matches!(&error, LogError::Unfit { file, .. } if *file == name), "bit {bit}: {error}");
    }
    for cut in 0..bytes.len() {
        disk.put(&name, &bytes[..cut]);
        assert!(store.load(Seq(4)).is_err(), "cut at {cut}");
    }
    disk.put(&name, &[&bytes[..], &[0]].concat());
    assert!(store.load(Seq(4)).is_err(), "one byte more");
    disk.put(&snapshot_name(5), &bytes);
    assert!(store.load(Seq(5)).is_err(), "renamed");
    let other = SnapshotStore::new(Arc::new(disk.clone()), &Options::new("perp"));
    disk.put(&name, &bytes);
    assert!(other.load(Seq(4)).unwrap_err().to_string().contains("belongs to shard \"spot\", not to \"perp\""));
}

#[test]
fn a_large_snapshot_comes_back_and_its_pieces_cannot_change_places() {
    let disk = SimStorage::new();
    let store = SnapshotStore::new(Arc::new(disk.clone()), &options());
    let payload: Vec<u8> = (0..3_500_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let meta = SnapshotMeta { seq: Seq(9), ..SnapshotMeta::of(&state(3)) };
    store.write(meta, |sink| payload.chunks(77_777).for_each(sink)).unwrap();
    assert!(store.load(Seq(9)).unwrap() == (meta, payload));
    let mut bytes = disk.bytes(&snapshot_name(9)).unwrap();
    let piece = (1 << 20) + 8;
    let (first, second) = bytes[104..].split_at_mut(piece);
    first.swap_with_slice(&mut second[..piece]);
    disk.put(&snapshot_name(9), &bytes);
    assert!(store.load(Seq(9)).unwrap_err().to_string().contains("piece 0"));
}

/// A state's hash is one of its snapshot's bytes: with another format it is another, and that is no fault of the snapshot.
#[test]
fn a_snapshot_of_an_older_format_gives_the_hash_of_todays() {
    const OLD: &[u8] = include_bytes!("../../../../testing/tests/data/snapshot-format-2.bin");
    let disk = SimStorage::new();
    let store = SnapshotStore::new(Arc::new(disk), &options());
    let spot = Spot::restore(OLD).unwrap();
    let written = SnapshotMeta { state_hash: 7, ..SnapshotMeta::of(&spot) };
    store.write(written, |sink| sink(OLD)).unwrap();
    assert_eq!(store.restore::<Spot>(spot.seq()).unwrap().0, SnapshotMeta::of(&spot));
    // Today's says what was written.
    store.write(written, |sink| spot.snapshot(sink)).unwrap();
    assert_eq!(store.restore::<Spot>(spot.seq()).unwrap().0, written);
    let saved = store.save(&spot).unwrap();
    assert_eq!((saved, store.restore::<Spot>(spot.seq()).unwrap().0), (SnapshotMeta::of(&spot), saved));
}

fn damage(disk: &SimStorage, seq: u64) {
    let mut bytes = disk.bytes(&snapshot_name(seq)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 4;
    disk.put(&snapshot_name(seq), &bytes);
}

#[test]
fn a_damaged_snapshot_is_passed_over_while_the_log_reaches_back() {
    let disk = log(600);
    save(&disk, 250);
    save(&disk, 500);
    damage(&disk, 500);
    let recovered = start(&disk).unwrap();
    assert_eq!((recovered.machine.seen, recovered.replayed), (history(600), 350));
    drop(recovered.writer);
    damage(&disk, 250);
    let recovered = start(&disk).unwrap();
    assert_eq!((recovered.machine.seen, recovered.replayed), (history(600), 600));
}

#[test]
fn a_damaged_snapshot_that_is_needed_stops_the_start() {
    let disk = log(600);
    let first = segment_name(1);
    disk.remove(&first).unwrap();
    let error = start(&disk).map(|_| ()).unwrap_err();
    assert!(matches!(error, LogError::Gone { wanted: 1, .. }), "{error}");
    save(&disk, 500);
    assert_eq!(start(&disk).unwrap().machine.seen, history(600), "trimmed behind a snapshot");
    damage(&disk, 500);
    let error = start(&disk).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with(&snapshot_name(500)), "{error}");
}

#[test]
fn a_snapshot_ahead_of_the_log_stops_the_start() {
    let disk = log(600);
    save(&disk, 700);
    let error = start(&disk).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("the log ends at sequence 600, but there is a snapshot of 700"), "{error}");

    let disk = SimStorage::new();
    save(&disk, 10);
    let error = start(&disk).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("a snapshot of sequence 10, but no log"), "{error}");
}

#[test]
fn a_snapshot_that_cannot_be_written_leaves_the_others() {
    let disk = log(100);
    save(&disk, 50);
    let store = SnapshotStore::new(Arc::new(disk.clone()), &options());
    let machine = state(100);
    type Arm = fn(&SimStorage);
    let faults: [(&str, Arm); 3] = [
        ("write", |disk| disk.fail_write_after(0)),
        ("sync", |disk| disk.fail_sync_after(0)),
        ("full", |disk| disk.set_free(Some(10))),
    ];
    for (name, arm) in faults {
        arm(&disk);
        let error = store.save(&machine).unwrap_err();
        assert!(matches!(error, LogError::Io { .. }), "{name}: {error}");
        assert_eq!(store.list().unwrap(), [Seq(50)], "{name}");
    }
    disk.set_free(None);
    store.save(&machine).unwrap();
    assert_eq!(store.list().unwrap(), [Seq(50), Seq(100)]);
}
