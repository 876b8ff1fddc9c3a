//! A write or sync that fails ends the writer: nothing is retried, nothing more is taken, and a restart finds what is there.

use allin_runtime::oplog::LogError;
use allin_runtime::storage::SimStorage;

use super::support::{append, extend, history, start};

fn fails_for_good(arm: impl Fn(&SimStorage), doing: &str) {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 5, 2);
    arm(&disk);
    append(&mut writer, 6).unwrap();
    let error = writer.sync().unwrap_err();
    assert!(matches!(error, LogError::Fatal { .. }));
    let message = error.to_string();
    assert!(message.starts_with(&format!("cannot {doing} oplog/")) && message.contains("restart"), "{message}");
    assert_eq!(disk.counts().faults, 1, "the fault fired");

    let before = disk.counts();
    assert_eq!(writer.durable().0, 5, "never said to be durable");
    assert!(matches!(append(&mut writer, 7), Err(LogError::Fatal { .. })));
    assert!(matches!(writer.sync(), Err(LogError::Fatal { .. })));
    assert!(matches!(writer.mark(), Err(LogError::Fatal { .. })));
    assert!(matches!(writer.try_reserve(), Err(LogError::Fatal { .. })));
    assert!(matches!(writer.close(), Err(LogError::Fatal { .. })));
    assert_eq!(disk.counts(), before, "never retried");

    for seed in 0..20 {
        let disk = disk.copy();
        disk.crash(seed);
        let seen = start(&disk).unwrap().machine.seen;
        assert!(seen.len() >= 5 && seen == history(seen.len() as u64));
    }
}

#[test]
fn a_failed_sync_is_final() {
    fails_for_good(|disk| disk.fail_sync_after(0), "sync");
}

#[test]
fn a_failed_write_is_final() {
    fails_for_good(|disk| disk.fail_write_after(0), "write");
}

/// The sync that closes a segment fails, inside an append.
#[test]
fn a_failed_sync_at_the_end_of_a_segment_is_final() {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 10, 2);
    disk.fail_sync_after(0);
    let failed = (11..1000).find(|seq| append(&mut writer, *seq).is_err()).unwrap();
    assert!(matches!(append(&mut writer, failed), Err(LogError::Fatal { .. })));
    assert_eq!((writer.durable().0, disk.counts().faults), (10, 1));
}

/// A start that cannot cut a torn tail does not go on as if it had.
#[test]
fn a_start_that_cannot_write_fails() {
    let disk = SimStorage::new();
    extend(&mut start(&disk).unwrap().writer, 5, 5);
    let name = super::support::segment_name(1);
    let mut bytes = disk.bytes(&name).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last] ^= 1;
    disk.kill();
    disk.put(&name, &bytes);
    disk.fail_write_after(0);
    assert!(matches!(start(&disk).map(|_| ()), Err(LogError::Io { doing: "cut", .. })));
    disk.kill();
    disk.fail_sync_after(0);
    assert!(matches!(start(&disk).map(|_| ()), Err(LogError::Io { doing: "sync", .. })));
    disk.kill();
    assert_eq!(start(&disk).unwrap().machine.seen, history(4));
}
