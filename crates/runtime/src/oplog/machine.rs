//! What is folded over the log.

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_core::spot::event::Events;
use allin_core::spot::{Ahead, Both, Spot};

/// A deterministic state machine.
pub trait Machine: Sized {
    /// Applies the command after [`Machine::seq`] and appends what happened to `out`.
    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command, out: &mut Events);
    /// May load into the cache what a batch's commands will need, before the one at position `at` is applied; changes nothing.
    fn look_ahead<'a>(&self, _ahead: &mut Ahead, _at: usize, _command: impl Fn(usize) -> Option<&'a Command>) {}
    fn restore(bytes: &[u8]) -> Result<Self, String>;
    /// Whether a snapshot is as it would be written today, so that the hash that was written with it is today's as well.
    fn is_current(_snapshot: &[u8]) -> bool {
        true
    }
    fn snapshot(&self, sink: &mut dyn FnMut(&[u8]));
    /// The same, and [`Machine::state_hash`].
    fn snapshot_hashed(&self, sink: &mut dyn FnMut(&[u8])) -> u64 {
        self.snapshot(sink);
        self.state_hash()
    }
    fn seq(&self) -> Seq;
    fn time(&self) -> Timestamp;
    fn epoch(&self) -> Epoch;
    fn digest(&self) -> u64;
    fn state_hash(&self) -> u64;
}

impl Machine for Spot {
    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command, out: &mut Events) {
        Spot::apply(self, seq, at, command, out);
    }

    fn look_ahead<'a>(&self, ahead: &mut Ahead, at: usize, command: impl Fn(usize) -> Option<&'a Command>) {
        Spot::look_ahead(self, ahead, at, command);
    }

    fn restore(bytes: &[u8]) -> Result<Spot, String> {
        Spot::restore_by(bytes, &TwoThreads).map_err(|error| error.to_string())
    }

    fn is_current(snapshot: &[u8]) -> bool {
        Spot::is_current(snapshot)
    }

    fn snapshot(&self, sink: &mut dyn FnMut(&[u8])) {
        Spot::snapshot(self, sink);
    }

    fn snapshot_hashed(&self, sink: &mut dyn FnMut(&[u8])) -> u64 {
        Spot::snapshot_hashed(self, sink)
    }

    fn seq(&self) -> Seq {
        Spot::seq(self)
    }

    fn time(&self) -> Timestamp {
        Spot::time(self)
    }

    fn epoch(&self) -> Epoch {
        Spot::epoch(self)
    }

    fn digest(&self) -> u64 {
        Spot::digest(self)
    }

    fn state_hash(&self) -> u64 {
        Spot::state_hash(self)
    }
}

/// Lends a restore a second thread. Nothing else runs by then, so two are not too many.
pub(super) struct TwoThreads;

impl Both for TwoThreads {
    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        std::thread::scope(|scope| {
            let a = scope.spawn(a);
            let b = b();
            (a.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), b)
        })
    }
}
