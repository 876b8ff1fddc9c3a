//! What must always hold, on millions of commands to the fast machine alone, and on fewer to the twin.
//!
//! `ALLIN_INVARIANT_COMMANDS` sets how many, `ALLIN_TWIN_SEED` where the seeds begin.

use std::panic::{AssertUnwindSafe, catch_unwind};

use allin_core::ids::Seq;
use allin_core::spot::Spot;
use allin_testing::twin::Twin;
use allin_testing::twin::invariants::Invariants;
use allin_testing::twin::machine::SpotMachine;
use allin_testing::twin::random::Commands;
use allin_testing::twin::shrink::{Script, shrink};

use crate::env_number;

const COMMANDS: u64 = 2_000_000;
const COMMANDS_A_SEED: u64 = 4_000;
const CLIENT_IDS_MAX: u32 = 60;

#[test]
fn nothing_breaks_the_invariants_of_the_fast_machine() {
    run::<Spot>(env_number("ALLIN_INVARIANT_COMMANDS", COMMANDS));
}

#[test]
fn nothing_breaks_the_invariants_of_the_twin() {
    run::<Twin>(env_number("ALLIN_INVARIANT_COMMANDS", COMMANDS) / 40);
}

fn run<M: SpotMachine>(commands: u64) {
    let first = env_number("ALLIN_TWIN_SEED", 0);
    for seed in first..first + commands.div_ceil(COMMANDS_A_SEED) {
        let (script, broken) = play::<M>(seed);
        if broken.is_none() {
            continue;
        }
        let script = shrink(script, |script| replay::<M>(script).map(|(place, _)| place));
        let (_, broken) = replay::<M>(&script).expect("a shrunk script still fails");
        let shown: Vec<String> = script.iter().map(|(at, command)| format!("{} {command:?}", at.0)).collect();
        panic!("{}, seed {seed}: {broken}, after\n{}", M::NAME, shown.join("\n"));
    }
}

/// Plays a seed up to the first fault, and gives what was sent.
fn play<M: SpotMachine>(seed: u64) -> (Script, Option<String>) {
    let mut commands = Commands::new(seed);
    let (mut machine, mut invariants) = (M::start(CLIENT_IDS_MAX), Invariants::new());
    let mut script = Script::new();
    for seq in 1..=COMMANDS_A_SEED {
        let (at, command) = commands.next_command();
        script.push((at, command.clone()));
        let told = catch_unwind(AssertUnwindSafe(|| machine.apply(Seq(seq), at, &command)));
        let Ok(events) = told else { return (script, Some("a panic".into())) };
        if let Err(broken) = invariants.check(&command, &events, &machine) {
            return (script, Some(broken));
        }
        commands.look(&events);
    }
    (script, None)
}

fn replay<M: SpotMachine>(script: &Script) -> Option<(usize, String)> {
    let (mut machine, mut invariants) = (M::start(CLIENT_IDS_MAX), Invariants::new());
    script.iter().enumerate().find_map(|(place, (at, command))| {
        let told = catch_unwind(AssertUnwindSafe(|| machine.apply(Seq(place as u64 + 1), *at, command)));
        let Ok(events) = told else { return Some((place, "a panic".to_string())) };
        invariants.check(command, &events, &machine).err().map(|broken| (place, broken))
    })
}
