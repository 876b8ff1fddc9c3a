//! The same random commands to both: the same events in the same order, and the same answers to every query.
//!
//! `ALLIN_TWIN_COMMANDS` sets how many commands are compared, `ALLIN_TWIN_SEED` where the seeds begin: a failure prints its
//! seed, and the shortest run of commands that still shows it.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use allin_core::ids::Seq;
use allin_core::spot::Spot;
use allin_core::spot::event::Event;
use allin_testing::twin::Twin;
use allin_testing::twin::machine::{SpotMachine, observe};
use allin_testing::twin::random::{Commands, USERS};
use allin_testing::twin::shrink::{Script, shrink};

use crate::env_number;

const COMMANDS: u64 = 400_000;
const COMMANDS_A_SEED: u64 = 2_000;
/// Small, so that the table of client ids is full now and then.
const CLIENT_IDS_MAX: u32 = 60;

/// Queries are compared after each of so many commands.
const OBSERVED_EVERY: usize = 25;

struct Difference {
    place: usize,
    fast: Vec<String>,
    twin: Vec<String>,
}

#[test]
fn twin_and_fast_machine_agree() {
    let first = env_number("ALLIN_TWIN_SEED", 0);
    let seeds = env_number("ALLIN_TWIN_COMMANDS", COMMANDS).div_ceil(COMMANDS_A_SEED);
    let found = (first..first + seeds).find_map(|seed| {
        let script = record(seed, COMMANDS_A_SEED);
        difference(&script, OBSERVED_EVERY).map(|_| (seed, script))
    });
    let Some((seed, script)) = found else { return };
    let script = shrink(script, |script| difference(script, 1).map(|d| d.place));
    let shown: Vec<String> = script.iter().map(|(at, command)| format!("{} {command:?}", at.0)).collect();
    let found = difference(&script, 1).expect("a shrunk script still fails");
    panic!(
        "seed {seed}: after\n{}\nthe fast machine tells\n{}\nand the twin\n{}",
        shown.join("\n"),
        found.fast.join("\n"),
        found.twin.join("\n")
    );
}

/// Commands of a seed, chosen while the twin answers.
fn record(seed: u64, length: u64) -> Script {
    let mut commands = Commands::new(seed);
    let mut twin = Twin::start(CLIENT_IDS_MAX);
    let mut script = Script::new();
    for seq in 1..=length {
        let (at, command) = commands.next_command();
        commands.look(&twin.apply(Seq(seq), at, &command));
        script.push((at, command));
    }
    script
}

fn difference(script: &Script, observed_every: usize) -> Option<Difference> {
    let (mut fast, mut twin) = (Spot::start(CLIENT_IDS_MAX), Twin::start(CLIENT_IDS_MAX));
    for (place, (at, command)) in script.iter().enumerate() {
        let seq = Seq(place as u64 + 1);
        let told = catch_unwind(AssertUnwindSafe(|| SpotMachine::apply(&mut fast, seq, *at, command)));
        let wanted = SpotMachine::apply(&mut twin, seq, *at, command);
        match told {
            Ok(told) if told == wanted => (),
            Ok(told) => return Some(Difference { place, fast: lines(&told), twin: lines(&wanted) }),
            Err(_) => return Some(Difference { place, fast: vec!["a panic".into()], twin: lines(&wanted) }),
        }
        if place % observed_every == 0 || place + 1 == script.len() {
            let (seen, wanted) = (observe(&fast, USERS + 1), observe(&twin, USERS + 1));
            if seen != wanted {
                let (fast, twin) = apart(&seen, &wanted);
                return Some(Difference { place, fast, twin });
            }
        }
    }
    None
}

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("  {event:?}")).collect()
}

/// The part where two observations differ.
fn apart(one: &impl Debug, other: &impl Debug) -> (Vec<String>, Vec<String>) {
    let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
    let same = one.lines().zip(other.lines()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| text.lines().skip(same.saturating_sub(30)).take(40).map(str::to_string).collect();
    (part(&one), part(&other))
}
