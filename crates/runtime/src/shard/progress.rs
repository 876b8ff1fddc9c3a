//! How far the log is, for those who wait for it: the core thread for room, the publisher for durability.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use allin_core::ids::Seq;

use crate::oplog::Room;

pub(super) struct Progress {
    state: Mutex<Logged>,
    changed: Condvar,
}

/// What the log has taken so far; counts since the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged {
    pub durable: Seq,
    pub batches: u64,
    pub commands: u64,
    /// The sum of the estimates the core thread made, not what was written.
    pub bytes: u64,
    pub room: Room,
    /// Nothing more will become durable.
    pub failed: bool,
}

impl Progress {
    pub fn new(durable: Seq, room: Room) -> Progress {
        let logged = Logged { durable, batches: 0, commands: 0, bytes: 0, room, failed: false };
        Progress { state: Mutex::new(logged), changed: Condvar::new() }
    }

    pub fn get(&self) -> Logged {
        *self.lock()
    }

    pub fn update(&self, change: impl FnOnce(&mut Logged)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until the condition holds or the log failed.
    pub fn wait_until(&self, holds: impl Fn(&Logged) -> bool) -> Logged {
        let waiting = |logged: &mut Logged| !logged.failed && !holds(logged);
        *self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner)
    }

    /// False when the log failed before the sequence became durable.
    pub fn wait_durable(&self, seq: Seq) -> bool {
        self.wait_until(|logged| logged.durable >= seq).durable >= seq
    }

    fn lock(&self) -> MutexGuard<'_, Logged> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
