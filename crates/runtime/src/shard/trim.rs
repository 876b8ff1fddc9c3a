//! Trimming the log of a running shard.

use std::sync::Arc;

use allin_core::ids::Seq;
use metrics::{Counter, Gauge};

use crate::oplog::{Compacted, LogError};

/// Removes of the log what no start needs, nor anybody who has stored everything up to a sequence. Blocks for the replay that
/// proves it.
pub type Trimmer = Arc<dyn Fn(Seq) -> Result<Compacted, LogError> + Send + Sync>;

/// A trimmer of a shard's log that tells of itself in the metrics.
pub fn measured(shard: &str, compact: impl Fn(Seq) -> Result<Compacted, LogError> + Send + Sync + 'static) -> Trimmer {
    let series = Series::new(shard);
    Arc::new(move |stored| series.note(stored, compact(stored)))
}

struct Series {
    stored: Gauge,
    begin: Gauge,
    segments: Counter,
    failures: Counter,
}

impl Series {
    fn new(shard: &str) -> Series {
        let label = shard.to_owned();
        Series {
            stored: metrics::gauge!("allin_log_stored_by_all_sequence", "shard" => label.clone()),
            begin: metrics::gauge!("allin_log_begin_sequence", "shard" => label.clone()),
            segments: metrics::counter!("allin_log_segments_trimmed_total", "shard" => label.clone()),
            failures: metrics::counter!("allin_log_trim_failures_total", "shard" => label),
        }
    }

    fn note(&self, stored: Seq, done: Result<Compacted, LogError>) -> Result<Compacted, LogError> {
        self.stored.set(stored.0 as f64);
        match &done {
            Ok(done) => {
                self.begin.set(done.begin.0 as f64);
                self.segments.increment(done.removed.len() as u64);
            }
            Err(_) => self.failures.increment(1),
        }
        done
    }
}
