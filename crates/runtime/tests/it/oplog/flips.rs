//! A flipped bit is refused, or was in a tail that nothing proved durable and is cut with it; it is never skipped and
//! never changes a command.

use allin_runtime::oplog::LogError;
use allin_runtime::storage::SimStorage;

use super::support::{extend, history, segment_name, start};

/// Flips each of `bits` in `name` and starts. Gives how often the start was refused.
fn flip(disk: &SimStorage, name: &str, bits: impl Iterator<Item = usize>, proven: u64, last: u64) -> usize {
    let bytes = disk.bytes(name).unwrap();
    let mut refused = 0;
    for bit in bits {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let disk = disk.copy();
        disk.put(name, &flipped);
        match start(&disk) {
            Err(LogError::Damaged { file, .. } | LogError::Unfit { file, .. }) => {
                assert_eq!(file, name);
                refused += 1;
            }
            Err(error) => panic!("bit {bit}: {error}"),
            Ok(recovered) => {
                let seen = recovered.machine.seen;
                assert!(seen.len() as u64 >= proven, "bit {bit}: {} are left, {proven} were proven", seen.len());
                assert!(seen.len() as u64 <= last && seen == history(seen.len() as u64), "bit {bit} changed a command");
            }
        }
    }
    refused
}

fn used(disk: &SimStorage, name: &str) -> usize {
    (disk.bytes(name).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1).next_multiple_of(8)
}

#[test]
fn in_a_closed_log_no_flip_loses_a_command() {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 6, 2);
    writer.close().unwrap();
    let name = segment_name(1);
    let used = used(&disk, &name);
    let refused = flip(&disk, &name, 0..used * 8, 6, 6);
    assert_eq!(refused, (used - 40) * 8, "all but those in the closing mark itself");
    // In what is allocated but not written.
    assert_eq!(flip(&disk, &name, [used * 8 + 3, used * 8 + 900, 16_000 * 8].into_iter(), 6, 6), 0);
}

#[test]
fn in_an_open_log_only_the_last_batch_may_go() {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 3, 1);
    writer.mark().unwrap();
    extend(&mut writer, 4, 1);
    extend(&mut writer, 7, 3);
    let name = segment_name(1);
    let bits = used(&disk, &name) * 8;
    let refused = flip(&disk, &name, 0..bits, 4, 7);
    assert!(refused > bits / 2, "{refused} of {bits}");
}

#[test]
fn in_an_earlier_segment_every_flip_is_refused() {
    let disk = SimStorage::new();
    let mut writer = start(&disk).unwrap().writer;
    extend(&mut writer, 400, 7);
    // The last segment alone proves nothing of itself; that it is there proves all before it.
    let last = disk.copy();
    let name = segment_name(1);
    let bits = last.bytes(&name).unwrap().len() * 8;
    let sample: Vec<usize> = (0..72 * 8).chain((0..1200).map(|i| i * 7919 % bits)).chain([bits - 1]).collect();
    assert_eq!(flip(&last, &name, sample.iter().copied(), 400, 400), sample.len());
}
