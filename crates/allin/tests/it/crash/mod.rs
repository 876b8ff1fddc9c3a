//! `allin up` under faults, from outside: killed, torn, flipped, out of disk. Every fault test proves that its fault fired
//! and that work succeeded meanwhile; what was acknowledged must be there exactly once, whatever happened.

pub mod client;
mod damage;
mod full;
mod injected;
mod kills;
pub mod load;
pub mod node;
mod ports;
mod rebuilt;
mod swept;
mod told;
pub mod trimmed;

use std::time::{Duration, Instant};

/// Longest wait for anything; a machine with one slow core passes too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer; the deadline makes a test fail, not hang.
pub fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
