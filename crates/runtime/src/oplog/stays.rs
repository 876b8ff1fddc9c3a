//! Which snapshots stay beside the newest ones.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allin_core::ids::Seq;

/// What all who write, remove and read the snapshots of one shard in one process know together.
#[derive(Clone, Default)]
pub struct Stays(Arc<Mutex<Also>>);

/// As long as it is held no snapshot goes.
#[derive(Default)]
pub(super) struct Also {
    /// The one that somebody asked for.
    pub pinned: Option<Seq>,
    /// The first sequence of a log that is not kept in files beside the snapshots.
    pub begin: Option<Seq>,
}

impl Stays {
    pub(super) fn hold(&self) -> MutexGuard<'_, Also> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
