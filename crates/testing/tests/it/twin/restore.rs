//! Output depends on state and command alone: a replay, and a state restored from its snapshot, go on in the same way.

use allin_core::ids::Seq;
use allin_core::spot::event::Event;
use allin_core::spot::{Ahead, Spot};
use allin_testing::twin::machine::SpotMachine;
use allin_testing::twin::random::{Commands, Random};
use allin_testing::twin::shrink::Script;

use crate::env_number;

const SEEDS: u64 = 40;
const COMMANDS_A_SEED: u64 = 1_500;
const CLIENT_IDS_MAX: u32 = 60;

/// A run of the fast machine, and what it told.
struct Run {
    script: Script,
    events: Vec<Vec<Event>>,
    machine: Spot,
}

fn run(seed: u64) -> Run {
    let mut commands = Commands::new(seed);
    let (mut machine, mut script, mut events) = (Spot::start(CLIENT_IDS_MAX), Script::new(), Vec::new());
    for seq in 1..=COMMANDS_A_SEED {
        let (at, command) = commands.next_command();
        let told = SpotMachine::apply(&mut machine, Seq(seq), at, &command);
        commands.look(&told);
        script.push((at, command));
        events.push(told);
    }
    Run { script, events, machine }
}

fn bytes(machine: &Spot) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.snapshot(&mut |piece| bytes.extend_from_slice(piece));
    bytes
}

fn seeds() -> std::ops::Range<u64> {
    let first = env_number("ALLIN_TWIN_SEED", 0);
    first..first + SEEDS
}

#[test]
fn a_replay_gives_the_same_digest_and_state() {
    for seed in seeds() {
        let first = run(seed);
        let mut second = Spot::start(CLIENT_IDS_MAX);
        for (place, (at, command)) in first.script.iter().enumerate() {
            let told = SpotMachine::apply(&mut second, Seq(place as u64 + 1), *at, command);
            assert_eq!(told, first.events[place], "seed {seed}, command {place}");
        }
        assert_eq!(second.digest(), first.machine.digest(), "seed {seed}");
        assert_eq!(second.state_hash(), first.machine.state_hash(), "seed {seed}");
    }
}

#[test]
fn a_restored_state_goes_on_like_the_one_it_was_taken_from() {
    for seed in seeds() {
        let first = run(seed);
        let mut random = Random::new(seed);
        let mut machine = Spot::start(CLIENT_IDS_MAX);
        let mut next_stop = random.range(0, 150);
        for (place, (at, command)) in first.script.iter().enumerate() {
            if place as u64 == next_stop {
                let taken = bytes(&machine);
                let restored = Spot::restore(&taken).unwrap_or_else(|e| panic!("seed {seed}, command {place}: {e:?}"));
                assert_eq!(bytes(&restored), taken, "seed {seed}: a snapshot of what was restored is the same");
                assert_eq!((restored.seq(), restored.time()), (machine.seq(), machine.time()));
                assert_eq!(restored.digest(), machine.digest(), "seed {seed}, command {place}");
                machine = restored;
                next_stop += random.range(1, 150);
            }
            let told = SpotMachine::apply(&mut machine, Seq(place as u64 + 1), *at, command);
            assert_eq!(told, first.events[place], "seed {seed}: restored, command {place} {command:?}");
        }
        assert_eq!(machine.digest(), first.machine.digest(), "seed {seed}");
        assert_eq!(machine.state_hash(), first.machine.state_hash(), "seed {seed}");
    }
}

/// Whatever is cut off or added is refused; a flipped bit is refused or gives some state, and never a panic. (That a file is
/// damaged at all, its checksums tell.)
#[test]
fn a_damaged_snapshot_is_refused_without_a_panic() {
    for seed in seeds().take(4) {
        let machine = run(seed).machine;
        let taken = bytes(&machine);
        let mut random = Random::new(seed);
        for _ in 0..200 {
            let cut = random.range(0, taken.len() as u64 - 1) as usize;
            assert!(Spot::restore(&taken[..cut]).is_err(), "seed {seed}: cut at {cut} of {}", taken.len());
            let mut flipped = taken.clone();
            flipped[cut] ^= 1 << random.range(0, 7);
            drop(Spot::restore(&flipped));
        }
        let mut longer = taken;
        longer.push(0);
        assert!(Spot::restore(&longer).is_err(), "seed {seed}: a byte more");
    }
}

/// Looking ahead is for speed alone, whatever the batches.
#[test]
fn looking_ahead_changes_nothing() {
    for (seed, batch) in [(3, 1), (4, 2), (5, 7), (6, 16), (7, 100), (8, 1_500)] {
        let first = run(seed);
        let mut machine = Spot::start(CLIENT_IDS_MAX);
        let mut ahead = Ahead::always();
        let mut seq = 0;
        for chunk in first.script.chunks(batch) {
            for (place, (at, command)) in chunk.iter().enumerate() {
                seq += 1;
                machine.look_ahead(&mut ahead, place, |at| chunk.get(at).map(|(_, command)| command));
                SpotMachine::apply(&mut machine, Seq(seq), *at, command);
            }
        }
        assert_eq!(machine.digest(), first.machine.digest(), "seed {seed}");
        assert_eq!(machine.state_hash(), first.machine.state_hash(), "seed {seed}");
    }
}

/// Eight bytes for where each of seven parts begins.
const TRAILER: usize = 7 * 8;
/// Where the format's version stands.
const VERSION: usize = 7;
/// The state of [`run`] with seed 1, when the format was 2.
const OLD: &[u8] = include_bytes!("../../data/snapshot-format-2.bin");
/// Of that state, as today's format has it.
const OLD_STATE: (u64, u64, u64) = (COMMANDS_A_SEED, 13_850_045_250_797_969_099, 8_800_178_987_619_226_018);

/// Snapshots outlive the program that wrote them: a trimmed log begins at one.
#[test]
fn snapshots_of_older_formats_are_read_as_well() {
    // The oldest has no list of its parts.
    let mut plain = OLD[..OLD.len() - TRAILER].to_vec();
    plain[VERSION] = 1;
    for taken in [OLD, &plain] {
        assert!(!Spot::is_current(taken));
        let restored = Spot::restore(taken).unwrap_or_else(|error| panic!("format {}: {error}", taken[VERSION]));
        assert_eq!(
            (restored.seq().0, restored.digest(), restored.state_hash()),
            OLD_STATE,
            "format {}",
            taken[VERSION]
        );
        assert!(Spot::is_current(&bytes(&restored)));
        for cut in 0..taken.len() {
            assert!(Spot::restore(&taken[..cut]).is_err(), "format {} cut at {cut}", taken[VERSION]);
        }
    }
    let mut newer = bytes(&run(1).machine);
    newer[VERSION] += 1;
    assert!(Spot::restore(&newer).is_err());
}

#[test]
fn a_snapshot_whose_parts_are_not_where_it_says_is_refused() {
    let taken = bytes(&run(1).machine);
    let body = taken.len() - TRAILER;
    let part = |n: usize| body + n * 8;
    let begin = |n: usize| u64::from_le_bytes(taken[part(n)..part(n) + 8].try_into().expect("eight bytes"));
    for n in 0..TRAILER / 8 {
        let next = if n + 1 < TRAILER / 8 { begin(n + 1) } else { body as u64 };
        for wrong in [0, begin(n) - 1, begin(n) + 1, next + 1, body as u64 + 1, u64::MAX] {
            let mut damaged = taken.clone();
            damaged[part(n)..part(n) + 8].copy_from_slice(&wrong.to_le_bytes());
            assert!(Spot::restore(&damaged).is_err(), "part {n} at {wrong} and not at {}", begin(n));
        }
    }
    for cut in [1, 8, TRAILER - 1, TRAILER, TRAILER + 1] {
        assert!(Spot::restore(&taken[..taken.len() - cut]).is_err(), "{cut} bytes less");
    }
    let longer = [&taken[..], &[0]].concat();
    assert!(Spot::restore(&longer).is_err());
}
