//! Live digests at some sequences, for the replica to compare with.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use allin_core::ids::Seq;

/// Marks kept; a replica that lags further misses the oldest.
const MARKS_MAX: usize = 4_096;

#[derive(Default)]
pub(super) struct Marks(Mutex<VecDeque<(Seq, u64)>>);

impl Marks {
    pub fn note(&self, seq: Seq, digest: u64) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.back().is_some_and(|(last, _)| *last >= seq) {
            return;
        }
        if marks.len() == MARKS_MAX {
            marks.pop_front();
        }
        marks.push_back((seq, digest));
    }

    /// The first mark at or after `seq`; older ones are forgotten.
    pub fn next(&self, seq: Seq) -> Option<(Seq, u64)> {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while marks.front().is_some_and(|(first, _)| *first < seq) {
            marks.pop_front();
        }
        marks.front().copied()
    }
}
