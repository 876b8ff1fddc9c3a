//! Leaves a peer alone that failed time after time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which the peer is left alone, and for how long; then one attempt at a time finds out.
const FAILURES_MAX: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    closed_until: Option<Instant>,
}

impl Breaker {
    /// Whether to try at all.
    pub fn admits(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.closed_until {
            Some(until) if now < until => false,
            Some(_) => {
                // This attempt finds out; the others wait for it.
                state.closed_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    pub fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    pub fn failed(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES_MAX {
            state.closed_until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_peer_is_left_alone_and_tried_one_at_a_time() {
        let breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..FAILURES_MAX {
            assert!(breaker.admits(now));
            breaker.failed(now);
        }
        assert!(!breaker.admits(now));
        now += PAUSE;
        assert!(breaker.admits(now), "one finds out");
        assert!(!breaker.admits(now), "the others do not");
        breaker.failed(now);
        assert!(!breaker.admits(now));
        now += PAUSE;
        assert!(breaker.admits(now));
        breaker.succeeded();
        assert!(breaker.admits(now) && breaker.admits(now));
        // A failure now and then is no reason.
        for _ in 0..3 * FAILURES_MAX {
            breaker.failed(now);
            breaker.succeeded();
            assert!(breaker.admits(now));
        }
    }
}
