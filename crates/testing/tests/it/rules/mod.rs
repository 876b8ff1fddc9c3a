//! The rules of `docs/spot-rules.md` by example. Each runs on the fast machine and on its twin; the language is that of
//! `allin_testing::twin::text`.

mod auction;
mod changes;
mod clients;
mod fees;
mod filters;
mod funding;
mod lists;
mod matching;
mod precedence;
mod selftrade;
mod stops;
mod timers;

use allin_core::spot::Spot;
use allin_testing::twin::Twin;
use allin_testing::twin::text::{Telling, run};
use expect_test::Expect;

/// Runs a script on both machines, which must agree, and compares what happened.
fn check(script: &str, expect: Expect) {
    told(script, Telling::Events, expect);
}

/// And with the balances that changed.
fn check_balances(script: &str, expect: Expect) {
    told(script, Telling::Balances, expect);
}

fn told(script: &str, telling: Telling, expect: Expect) {
    let fast = run::<Spot>(script, telling);
    assert_eq!(run::<Twin>(script, telling), fast, "the twin and the fast machine");
    expect.assert_eq(&fast);
}
