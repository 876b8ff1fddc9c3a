//! A write that got only partly to the disk: every whole record stays, the rest goes, and the log goes on.

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_runtime::storage::SimStorage;
use allin_wire::oplog::frame;

use super::support::{at, command, extend, history, segment_name, start};

/// Batches of 1, 2 and 4 commands, not closed, and the offset behind each record.
fn small_log() -> (Vec<u8>, Vec<usize>) {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 1, 1);
    extend(&mut writer, 3, 8);
    writer.mark().unwrap();
    extend(&mut writer, 7, 8);
    let bytes = disk.bytes(&segment_name(1)).unwrap();
    let mut ends = Vec::new();
    let mut at = 72;
    while let Ok(record) = frame::read(salt(1), &bytes[at..]) {
        at += record.len;
        if record.header.kind == frame::kind::COMMAND {
            ends.push(at);
        }
    }
    assert_eq!(ends.len(), 7);
    (bytes, ends)
}

pub fn salt(first: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(b"spot"), &first.to_le_bytes())
}

/// Cut at every byte: the file ends there, or goes on with the zeros that were allocated.
#[test]
fn whole_records_stay_wherever_the_file_is_cut() {
    let (bytes, ends) = small_log();
    let end = *ends.last().unwrap();
    for cut in 0..=end + 8 {
        let mut zeroed = bytes[..cut].to_vec();
        zeroed.resize(bytes.len(), 0);
        for image in [bytes[..cut].to_vec(), zeroed] {
            // A record that ends in zeros is whole when only those were cut off and are there again.
            let whole = ends.iter().filter(|end| image.get(..**end) == Some(&bytes[..**end])).count() as u64;
            let disk = SimStorage::new();
            disk.put(&segment_name(1), &image);
            let recovered = start(&disk).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            assert_eq!(recovered.machine.seen, history(whole), "cut at {cut}");
            let mut writer = recovered.writer;
            extend(&mut writer, whole + 3, 2);
            drop(writer);
            // What follows the cut must not bring anything back.
            disk.crash(cut as u64);
            assert_eq!(start(&disk).unwrap().machine.seen, history(whole + 3), "after a cut at {cut}");
        }
    }
}

/// The last batch is torn in the order in which a disk likes to write: later parts are there, earlier are not.
#[test]
fn a_hole_in_the_last_batch_is_a_torn_tail() {
    let (bytes, ends) = small_log();
    for record in 3..7 {
        let start_of = if record == 3 { ends[2] + 40 } else { ends[record - 1] };
        for (from, to) in [(start_of, start_of + 8), (start_of + 8, start_of + 9), (start_of, ends[record])] {
            let mut holed = bytes.clone();
            holed[from..to].fill(0);
            if holed == bytes {
                continue;
            }
            let disk = SimStorage::new();
            disk.put(&segment_name(1), &holed);
            let recovered = start(&disk).unwrap();
            assert_eq!(recovered.machine.seen, history(record as u64), "a hole of {from}..{to}");
            // What lay behind the hole must not come back when a record as long as the lost one is put into it.
            let mut writer = recovered.writer;
            let seq = record as u64 + 1;
            writer.append(Epoch(1), Seq(seq), Timestamp(at(seq).0 + 1), &command(seq)).unwrap();
            writer.sync().unwrap();
            disk.kill();
            let mut want = history(record as u64);
            want.push((Timestamp(at(seq).0 + 1), command(seq)));
            assert_eq!(start(&disk).unwrap().machine.seen, want, "after a hole of {from}..{to}");
        }
    }
}

/// The same hole in a batch that a later record knows to be synced is damage.
#[test]
fn a_hole_in_front_of_a_later_batch_is_refused() {
    let (bytes, ends) = small_log();
    for record in 0..3 {
        let from = if record == 0 { 72 } else { ends[record - 1] };
        let mut holed = bytes.clone();
        holed[from..ends[record]].fill(0);
        let disk = SimStorage::new();
        disk.put(&segment_name(1), &holed);
        let error = start(&disk).map(|_| ()).unwrap_err().to_string();
        let place =
            format!("{} is damaged at offset {from}, where sequence {} is expected", segment_name(1), record + 1);
        assert!(error.starts_with(&place), "{error}");
        assert!(error.contains("restore the file"), "{error}");
        assert_eq!(disk.bytes(&segment_name(1)).unwrap(), holed, "nothing was changed");
    }
}
