//! Bytes that choose commands: the machine and its naive twin tell the same events and answer the same, every command comes back
//! from its encoding, and the state from its snapshot.

#![no_main]

use allin_core::ids::Seq;
use allin_core::spot::Spot;
use allin_wire::oplog::{VERSION, decode, encode};
use libfuzzer_sys::fuzz_target;
use twin::Twin;
use twin::machine::{SpotMachine, observe};
use twin::random::{Commands, Random, USERS};

/// The twin alone: crates/testing would bring the whole exchange, and all of it instrumented.
#[allow(dead_code)]
#[path = "../../crates/testing/src/twin/mod.rs"]
mod twin;

/// Small, so that the table of client ids is full now and then.
const CLIENT_IDS_MAX: u32 = 60;

fuzz_target!(|bytes: &[u8]| {
    let mut commands = Commands::drawn(Random::of(bytes));
    let (mut fast, mut twin) = (Spot::start(CLIENT_IDS_MAX), Twin::start(CLIENT_IDS_MAX));
    let mut seq = Seq(0);
    while !commands.is_over() {
        seq = Seq(seq.0 + 1);
        let (at, command) = commands.next_command();
        // Not everything that can be made fits a record; what does comes back.
        let mut record = Vec::new();
        if encode(&command, &mut record).is_ok() {
            assert_eq!(decode(VERSION, &record).as_ref(), Ok(&command));
        }
        let told = SpotMachine::apply(&mut fast, seq, at, &command);
        assert_eq!(told, SpotMachine::apply(&mut twin, seq, at, &command), "{command:?}");
        commands.look(&told);
    }
    assert_eq!(observe(&fast, USERS + 1), observe(&twin, USERS + 1));
    let mut taken = Vec::new();
    fast.snapshot(&mut |piece| taken.extend_from_slice(piece));
    let restored = Spot::restore(&taken).expect("what was just written");
    assert_eq!((restored.digest(), restored.state_hash()), (fast.digest(), fast.state_hash()));
});
