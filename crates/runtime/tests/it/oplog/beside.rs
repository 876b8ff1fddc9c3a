//! Readers and verifiers beside a writer that does not wait for them, on a real disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use allin_core::ids::Seq;
use allin_runtime::oplog::{Fold, Machine, Reader, recover};
use allin_runtime::storage::{DiskStorage, Storage};

use super::support::{Witness, append, at, command, history, options};

const LAST: u64 = 3000;

fn follow(storage: Arc<dyn Storage>, durable: &AtomicU64) {
    let mut reader = Reader::open(storage, &options(), Seq(1)).unwrap();
    let mut next = 1;
    while next <= LAST {
        while let Some(entry) = reader.next(Seq(durable.load(Ordering::Acquire))).unwrap() {
            assert_eq!((entry.seq, entry.at, entry.command), (Seq(next), at(next), command(next)));
            next += 1;
        }
        thread::yield_now();
    }
}

/// Gives how often it verified.
fn verify(storage: &Arc<dyn Storage>, durable: &AtomicU64, done: &AtomicBool) -> u64 {
    let mut rounds = 0;
    while !done.load(Ordering::Acquire) {
        let before = durable.load(Ordering::Acquire);
        let found = Fold::begin(storage.clone(), &options(), Witness::default).unwrap().verify().unwrap();
        assert_eq!(found.faults, Vec::<String>::new());
        let seen = found.machine.seen;
        assert!(seen.len() as u64 >= before && seen == history(seen.len() as u64));
        rounds += 1;
    }
    rounds
}

#[test]
fn nobody_beside_a_busy_writer_sees_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(dir.path()));
    let recovered = recover(storage.clone(), &options(), Witness::default).unwrap();
    let (mut writer, mut machine, snapshots) = (recovered.writer, recovered.machine, recovered.snapshots);
    let (durable, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let (durable, done) = (&durable, &done);
        let reader = scope.spawn(|| follow(storage.clone(), durable));
        let verifier = scope.spawn(|| verify(&storage, durable, done));
        for seq in 1..=LAST {
            append(&mut writer, seq).unwrap();
            machine.apply(Seq(seq), at(seq), &command(seq), &mut Vec::new());
            if seq % 40 == 0 {
                durable.store(writer.sync().unwrap().0, Ordering::Release);
            }
            if seq % 400 == 0 {
                writer.mark().unwrap();
                snapshots.save(&machine).unwrap();
            }
        }
        reader.join().unwrap();
        done.store(true, Ordering::Release);
        assert!(verifier.join().unwrap() >= 3);
    });
}
