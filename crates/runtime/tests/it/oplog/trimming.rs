//! Trimming: nothing goes that a start or a consumer needs, wherever it ends; and nothing at all on the word of a snapshot
//! that the log does not bear out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allin_core::ids::{Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_runtime::oplog::{Compacted, Compactor, Fold, LogError, Machine, Reader, SnapshotMeta, SnapshotStore};
use allin_runtime::storage::{SimStorage, Storage, StorageFile, StorageLock};

use super::support::{Witness, extend, history, options, start};

/// A disk on which the process ends at the n-th change of the log's folder.
struct Dying {
    disk: SimStorage,
    changes_left: AtomicU64,
}

impl Dying {
    fn step(&self) -> io::Result<()> {
        let left = self.changes_left.load(Ordering::Relaxed);
        self.changes_left.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 0 { Err(io::Error::other("the process ends here")) } else { Ok(()) }
    }
}

impl Storage for Dying {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.disk.create(name)
    }
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.disk.open(name)
    }
    fn open_read(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.disk.open_read(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.step()?;
        self.disk.remove(name)
    }
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.step()?;
        self.disk.sync_dir(dir)
    }
    fn lock(&self, name: &str) -> io::Result<Box<dyn StorageLock>> {
        self.disk.lock(name)
    }
    fn describe(&self, name: &str) -> String {
        self.disk.describe(name)
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn state(history: &[(Timestamp, Command)]) -> Witness {
    let mut machine = Witness::default();
    for (at, command) in history {
        machine.apply(Seq(machine.seq().0 + 1), *at, command, &mut Vec::new());
    }
    machine
}

fn store(disk: &SimStorage) -> SnapshotStore {
    SnapshotStore::new(Arc::new(disk.clone()), &options())
}

fn save(disk: &SimStorage, seq: u64) {
    let machine = state(&history(seq));
    store(disk).save(&machine).unwrap();
}

/// A stopped log of `last` commands with snapshots.
fn log(last: u64, snapshots: &[u64]) -> SimStorage {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, last, 8);
    writer.close().unwrap();
    snapshots.iter().for_each(|seq| save(&disk, *seq));
    disk
}

fn compact_on(storage: Arc<dyn Storage>, stored: u64) -> Result<Compacted, LogError> {
    let snapshots = SnapshotStore::new(storage.clone(), &options());
    Compactor::new(storage, &options(), snapshots).compact(Seq(stored), false, Witness::default)
}

fn compact(disk: &SimStorage, stored: u64) -> Result<Compacted, LogError> {
    compact_on(Arc::new(disk.clone()), stored)
}

fn segments(disk: &SimStorage) -> Vec<u64> {
    let names = disk.list("oplog").unwrap();
    names.iter().filter_map(|name| name.strip_suffix(".log")?.parse().ok()).collect()
}

/// A start finds everything; a consumer that has stored `stored` gets everything after it.
fn check(disk: &SimStorage, last: u64, stored: u64, case: &str) {
    let recovered = start(disk).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert!(recovered.machine.seen == history(last), "{case}: the start finds something else");
    recovered.writer.close().unwrap();
    let before = store(disk).list().unwrap().into_iter().rfind(|seq| seq.0 <= stored);
    let from = match before {
        Some(seq) if segments(disk)[0] <= seq.0 + 1 => store(disk).restore::<Witness>(seq).expect(case).1,
        _ => Witness::default(),
    };
    let mut machine = from;
    let next = Seq(machine.seq().0 + 1);
    let reader = Reader::open(Arc::new(disk.clone()), &options(), next);
    let mut reader = reader.unwrap_or_else(|error| panic!("{case}: nothing for one who has {stored}: {error}"));
    while let Some(entry) = reader.next(Seq(last)).expect(case) {
        machine.apply(entry.seq, entry.at, &entry.command, &mut Vec::new());
    }
    assert!(machine.seen == history(last), "{case}: one who has {stored} gets something else");
    // And so does whoever looks at all of it.
    let fold = Fold::begin(Arc::new(disk.clone()), &options(), Witness::default).expect(case);
    let found = fold.verify().expect(case);
    assert!(found.faults.is_empty(), "{case}: {:?}", found.faults);
    assert_eq!(found.machine.seq(), Seq(last), "{case}");
}

#[test]
fn what_is_needed_stays_and_what_is_not_goes() {
    let mut trimmed = 0;
    for seed in 1..60 {
        let mut random = Random(seed);
        let last = 500 + random.below(700);
        let mut snapshots: Vec<u64> = (0..2 + random.below(3)).map(|_| 1 + random.below(last)).collect();
        snapshots.sort_unstable();
        snapshots.dedup();
        let disk = log(last, &snapshots);
        let mut stored = random.below(last + 1);
        for round in 0..4 {
            let case = format!("seed {seed}, round {round}, snapshots {snapshots:?}, stored {stored} of {last}");
            let before = segments(&disk);
            let done = compact(&disk, stored).unwrap_or_else(|error| panic!("{case}: {error}"));
            check(&disk, last, stored, &case);
            let after = segments(&disk);
            assert_eq!(before.len() - after.len(), done.removed.len(), "{case}");
            assert_eq!(after[0], done.begin.0, "{case}");
            if let Some(anchor) = done.anchor {
                trimmed += done.removed.len();
                assert!(anchor.0 <= stored, "{case}");
                assert!(after.len() < 2 || after[1] > anchor.0 + 1, "{case}: a segment more could go");
            }
            stored += random.below(last - stored + 1);
        }
    }
    assert!(trimmed > 30, "{trimmed} segments");
}

#[test]
fn it_may_end_anywhere() {
    let mut ends = 0;
    for power in [false, true] {
        for changes in 0..12 {
            let case = format!("after {changes} changes, power lost: {power}");
            let disk = log(2000, &[1200, 1600, 1900]);
            let dying = Dying { disk: disk.clone(), changes_left: AtomicU64::new(changes) };
            let ended = compact_on(Arc::new(dying), 1700);
            ends += u64::from(ended.is_err());
            if power {
                disk.crash(changes * 7 + 1);
            } else {
                disk.kill();
            }
            check(&disk, 2000, 1700, &case);
            let done = compact(&disk, 1700).unwrap_or_else(|error| panic!("{case}: {error}"));
            check(&disk, 2000, 1700, &case);
            assert!(segments(&disk)[0] > 300, "{case}: the next one ends it: {done:?}");
        }
    }
    assert!(ends >= 12, "it was ended {ends} times");
}

/// Everything that is on the disk, by name and content.
fn everything(disk: &SimStorage) -> Vec<(String, Vec<u8>)> {
    let names = ["oplog", "snapshots"].into_iter().flat_map(|dir| {
        let names = disk.list(dir).unwrap();
        names.into_iter().map(move |name| format!("{dir}/{name}"))
    });
    names.map(|name| (name.clone(), disk.bytes(&name).unwrap())).collect()
}

fn snapshot_name(seq: u64) -> String {
    format!("snapshots/{seq:020}.snap")
}

#[test]
fn a_snapshot_that_is_not_what_the_log_gives_lets_nothing_go() {
    type Spoil = fn(&SimStorage, u64);
    let spoils: [(&str, Spoil); 4] = [
        ("torn", |disk, seq| {
            let bytes = disk.bytes(&snapshot_name(seq)).unwrap();
            disk.put(&snapshot_name(seq), &bytes[..bytes.len() / 2]);
        }),
        ("flipped", |disk, seq| {
            let mut bytes = disk.bytes(&snapshot_name(seq)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            disk.put(&snapshot_name(seq), &bytes);
        }),
        ("of another history", |disk, seq| {
            let mut other = history(seq);
            other[3].0 = Timestamp(other[3].0.0 + 1);
            let machine = state(&other);
            store(disk).save(&machine).unwrap();
        }),
        ("of another hash", |disk, seq| {
            let machine = state(&history(seq));
            let meta = SnapshotMeta { state_hash: 7, ..SnapshotMeta::of(&machine) };
            store(disk).write(meta, |sink| machine.snapshot(sink)).unwrap();
        }),
    ];
    for (how, spoil) in spoils {
        for seq in [700, 900, 1100] {
            let disk = log(1200, &[700, 900, 1100]);
            spoil(&disk, seq);
            let before = everything(&disk);
            let error = compact(&disk, 1200).map(drop).expect_err(how);
            assert!(error.to_string().contains(&snapshot_name(seq)), "{seq} {how}: {error}");
            assert!(everything(&disk) == before, "{seq} {how}: something went");
        }
    }
}

#[test]
fn one_snapshot_alone_lets_nothing_go_and_neither_does_one_who_has_stored_nothing() {
    for (snapshots, stored) in [(&[700][..], 1200), (&[][..], 1200), (&[700, 900, 1100][..], 0), (&[700, 900][..], 699)]
    {
        let disk = log(1200, snapshots);
        let before = everything(&disk);
        let done = compact(&disk, stored).unwrap();
        assert_eq!((done.anchor, done.removed.len(), done.begin), (None, 0, Seq(1)), "{snapshots:?} {stored}");
        assert!(everything(&disk) == before);
    }
}

#[test]
fn the_only_good_snapshot_lost_after_trimming_stops_the_start() {
    let disk = log(1200, &[700, 900, 1100]);
    compact(&disk, 1200).unwrap();
    for seq in [1100, 900, 700] {
        assert_eq!(start(&disk).map(|recovered| recovered.machine.seen).unwrap(), history(1200));
        disk.kill();
        let mut bytes = disk.bytes(&snapshot_name(seq)).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        disk.put(&snapshot_name(seq), &bytes);
    }
    let error = start(&disk).map(drop).unwrap_err().to_string();
    assert!(error.contains("is damaged") && error.contains("the log was trimmed and begins at"), "{error}");
    disk.kill();
    for seq in [700, 900, 1100] {
        disk.remove(&snapshot_name(seq)).unwrap();
    }
    let error = start(&disk).map(drop).unwrap_err();
    assert!(matches!(error, LogError::Gone { wanted: 1, .. }), "{error}");
    assert!(error.to_string().contains("no snapshot that can be used"), "{error}");
}

#[test]
fn the_snapshot_that_a_trimmed_log_begins_at_stays_while_somebody_is_behind() {
    let disk = log(2000, &[600, 900, 1000]);
    let done = compact(&disk, 650).unwrap();
    assert_eq!(done.anchor, Some(Seq(600)));
    // Newer ones come; the one who is behind has not moved.
    for seq in [1200, 1400, 1600, 1800] {
        save(&disk, seq);
        compact(&disk, 650).unwrap();
        check(&disk, 2000, 650, &format!("with {seq}"));
    }
    let kept = store(&disk).list().unwrap();
    assert_eq!(kept, [Seq(600), Seq(1400), Seq(1600), Seq(1800)]);
    let done = compact(&disk, 2000).unwrap();
    assert_eq!((done.anchor, done.verified), (Some(Seq(1400)), vec![Seq(1400), Seq(1600), Seq(1800)]));
    save(&disk, 1900);
    assert_eq!(store(&disk).list().unwrap().last(), Some(&Seq(1900)));
    check(&disk, 2000, 1900, "caught up");
}

#[test]
fn a_trimmed_log_goes_on_and_comes_to_the_same() {
    let (disk, whole) = (log(1200, &[700, 900, 1100]), log(1200, &[700, 900, 1100]));
    compact(&disk, 1200).unwrap();
    for disk in [&disk, &whole] {
        let mut writer = start(disk).unwrap().writer;
        extend(&mut writer, 2600, 8);
        writer.close().unwrap();
        save(disk, 2500);
    }
    let done = compact(&disk, 2600).unwrap();
    assert!(done.replayed < 2600, "only what is left is replayed: {done:?}");
    let (recovered, of_whole) = (start(&disk).unwrap(), start(&whole).unwrap());
    assert_eq!(recovered.machine.digest(), of_whole.machine.digest());
    assert_eq!((recovered.machine.seen, recovered.replayed), (history(2600), 100), "bounded by the tail");
}
