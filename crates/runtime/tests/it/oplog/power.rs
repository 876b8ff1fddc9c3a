//! Loss of power, over many seeds: everything that was synced is there, and what is there is a prefix of what was written.

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_runtime::oplog::{Machine, Writer};
use allin_runtime::storage::SimStorage;

use super::support::{append, command, extend, history, start};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A killed process leaves its last batch in the cache of the system; what the next one reads there and answers from must
/// survive the power going then.
#[test]
fn what_a_start_reads_is_durable() {
    for seed in 0..40 {
        let disk = SimStorage::new();
        let mut writer = start(&disk).unwrap().writer;
        extend(&mut writer, 5, 5);
        disk.stop_sync_after(0);
        extend_unsynced(&mut writer, 9);
        disk.kill();
        let found = start(&disk).unwrap().machine.seen;
        assert_eq!(found, history(9), "the cache survives the process");
        disk.crash(seed);
        assert_eq!(start(&disk).unwrap().machine.seen, found, "seed {seed}");
    }
}

/// Written, but the process dies in the sync: the data stays in the cache.
fn extend_unsynced(writer: &mut Writer, last: u64) {
    for seq in writer.last().0 + 1..=last {
        append(writer, seq).unwrap();
    }
    writer.sync().unwrap_err();
}

/// One disk through several lives, each ended at an arbitrary moment.
fn run(seed: u64) -> u64 {
    let disk = SimStorage::new();
    let mut random = Random(seed);
    let mut written: Vec<(Timestamp, Command)> = Vec::new();
    let mut acknowledged = 0;
    for life in 1..=6 {
        if random.below(3) == 0 {
            // The start itself is interrupted.
            disk.fail_write_after(random.below(2));
            let _ = start(&disk);
            disk.crash(seed * 31 + life);
        }
        let recovered = start(&disk).unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
        let mut machine = recovered.machine;
        let found = machine.seen.len();
        assert!(found >= acknowledged, "seed {seed}, life {life}: {acknowledged} were acknowledged, {found} are there");
        assert!(machine.seen[..] == written[..found], "seed {seed}, life {life}: not what was written");
        written.truncate(found);
        // Read back is as good as acknowledged: it may be answered from.
        acknowledged = found;
        let (mut writer, snapshots) = (recovered.writer, recovered.snapshots);
        for _ in 0..random.below(60) {
            match random.below(12) {
                0..=5 => {
                    for _ in 0..=random.below(30) {
                        let seq = written.len() as u64 + 1;
                        // The time tells lives apart: a record left over from an earlier one would show.
                        let entry = (Timestamp(life * 1_000_000 + seq), command(seq));
                        writer.append(Epoch(life as u32), Seq(seq), entry.0, &entry.1).unwrap();
                        written.push(entry);
                    }
                }
                6..=8 => acknowledged = writer.sync().unwrap().0 as usize,
                9 => {
                    writer.mark().unwrap();
                    acknowledged = writer.durable().0 as usize;
                }
                10 => {
                    let _ = writer.try_reserve().unwrap();
                }
                _ => {
                    for (at, command) in &written[machine.seen.len()..writer.durable().0 as usize] {
                        let next = Seq(machine.seq().0 + 1);
                        machine.apply(next, *at, command, &mut Vec::new());
                    }
                    if machine.seq() > Seq(0) {
                        snapshots.save(&machine).unwrap();
                    }
                }
            }
        }
        acknowledged = acknowledged.max(writer.durable().0 as usize);
        match random.below(4) {
            0 => disk.kill(),
            1 => {
                writer.close().unwrap();
                acknowledged = written.len();
            }
            _ => disk.crash(seed ^ life << 40),
        }
    }
    written.len() as u64
}

#[test]
fn everything_synced_survives() {
    let seeds = std::env::var("ALLIN_POWER_SEEDS").map_or(40, |seeds| seeds.parse().expect("a number of seeds"));
    let total: u64 = (1..=seeds).map(run).sum();
    assert!(total > 400 * seeds, "the runs did enough: {total} commands");
}
