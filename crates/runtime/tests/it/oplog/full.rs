//! A full disk: the writer says so while it still has room, takes what fits, and goes on when there is space again.

use std::sync::Arc;

use allin_runtime::oplog::{LogError, Options, recover};
use allin_runtime::storage::SimStorage;

use super::support::{Witness, append, extend, history, options, start};

const SEGMENT: u64 = Options::SEGMENT_BYTES_MIN;

#[test]
fn the_writer_tells_of_a_full_disk_early_and_resumes() {
    let disk = SimStorage::new();
    disk.set_free(Some(2 * SEGMENT));
    let mut writer = start(&disk).unwrap().writer;
    assert!(writer.room().next_ready, "the second segment lies ready");

    let mut seq = 0;
    while writer.room().next_ready {
        seq += 1;
        append(&mut writer, seq).unwrap();
    }
    writer.sync().unwrap();
    let room = writer.room();
    assert!(room.bytes_left > SEGMENT - 500, "a whole segment is left for cancels: {room:?}");
    assert_eq!(writer.try_reserve().unwrap(), room, "still full");

    let refused = loop {
        match append(&mut writer, seq + 1) {
            Ok(()) => seq += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, LogError::Full), "{refused}");
    assert!(writer.room().bytes_left < 300);
    assert!(matches!(append(&mut writer, seq + 1), Err(LogError::Full)), "and again");
    assert_eq!(writer.sync().unwrap().0, seq, "what was taken is durable");
    writer.mark().unwrap();

    disk.set_free(Some(10 * SEGMENT));
    assert!(writer.try_reserve().unwrap().next_ready);
    extend(&mut writer, seq + 500, 10);
    drop(writer);
    assert_eq!(start(&disk).unwrap().machine.seen, history(seq + 500));
    assert!(disk.counts().faults >= 3);
}

#[test]
fn a_start_on_a_full_disk_serves_what_is_left() {
    let disk = SimStorage::new();
    extend(&mut start(&disk).unwrap().writer, 50, 5);
    disk.kill();
    // The reserve of the first run is found again.
    disk.set_free(Some(0));
    let recovered = start(&disk).unwrap();
    assert!(recovered.writer.room().next_ready);
    let mut writer = recovered.writer;
    extend(&mut writer, 400, 5);
    assert!(!writer.room().next_ready);
    drop(writer);

    let recovered = start(&disk).unwrap();
    assert_eq!(recovered.machine.seen, history(400));
    let mut writer = recovered.writer;
    assert!(!writer.room().next_ready);
    append(&mut writer, 401).unwrap();
    writer.sync().unwrap();
}

#[test]
fn a_first_start_on_a_full_disk_leaves_no_trace() {
    let disk = SimStorage::new();
    disk.set_free(Some(100));
    let error = start(&disk).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("cannot allocate oplog/"), "{error}");
    assert_eq!(disk.bytes(&super::support::segment_name(1)), None);
    disk.set_free(None);
    start(&disk).unwrap();
}

/// A larger or smaller segment size after a restart is taken up with the next segment.
#[test]
fn the_size_of_segments_may_change() {
    let disk = SimStorage::new();
    let mut last = 0;
    for factor in [1, 3, 1, 2] {
        let options = Options { segment_bytes: factor * SEGMENT, ..options() };
        let recovered = recover(Arc::new(disk.clone()), &options, Witness::default).unwrap();
        assert_eq!(recovered.machine.seen, history(last));
        let mut writer = recovered.writer;
        last += 700;
        extend(&mut writer, last, 16);
        writer.close().unwrap();
    }
    assert_eq!(start(&disk).unwrap().machine.seen, history(last));
}
