//! Owns the durable operation log of one shard and the snapshots beside it: `oplog/` and `snapshots/` below the data folder.
//! Never skips a damaged record, never retries a failed sync, never says that a record is durable before it is synced.
//! Known limits: one writer (held by a lock), a payload of at most 64 KiB; what of a log on files goes, and when, [`Compactor`]
//! is told by whoever knows the consumers.
//!
//! The way of use: [`recover`] gives the state and the [`Writer`]; the sequencer appends a batch, syncs it, and only then
//! answers; [`Reader`] follows the log for those who fell behind; [`SnapshotStore`] keeps the newest snapshots. A shard sees
//! all that through [`Log`] and [`LogWriter`], which a log of another kind implements as well.

mod compact;
mod cursor;
mod error;
mod fold;
mod inspect;
mod kept;
mod machine;
mod proof;
mod reader;
mod recover;
mod segment;
mod snapshot;
mod stays;
mod writer;

pub use compact::{Compacted, Compactor};
pub use cursor::Tail;
pub use error::LogError;
pub use fold::{Fold, Verified, oldest};
pub use inspect::{SegmentInfo, segments, shard_of};
pub use kept::{FileLog, Landed, Led, Log, LogReader, LogWriter, Place};
pub use machine::Machine;
pub use proof::Proof;
pub use reader::{Entry, Reader};
pub use recover::{Recovered, newest, recover};
pub use snapshot::{SnapshotMeta, SnapshotStore};
pub use stays::Stays;
pub use writer::{Room, Writer};

/// Longest name of a shard, bytes.
pub const SHARD_MAX: usize = 31;
/// Folder of the segments, below the root of the storage.
pub const LOG_DIR: &str = "oplog";
/// Folder of the snapshots.
pub const SNAPSHOT_DIR: &str = "snapshots";
/// Held by the writer.
pub const LOCK: &str = "oplog/LOCK";

/// How a shard's log is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Name of the shard, written into every file and compared; at most 31 bytes.
    pub shard: String,
    /// Size of a segment, at least [`Options::SEGMENT_BYTES_MIN`]; one more is kept allocated ahead.
    pub segment_bytes: u64,
    /// How many snapshots stay.
    pub snapshots_keep: usize,
}

impl Options {
    pub const SEGMENT_BYTES: u64 = 64 << 20;
    /// Room for the longest command.
    pub const SEGMENT_BYTES_MIN: u64 = 16 << 10;
    pub const SNAPSHOTS_KEEP: usize = 3;

    pub fn new(shard: impl Into<String>) -> Options {
        Options { shard: shard.into(), segment_bytes: Self::SEGMENT_BYTES, snapshots_keep: Self::SNAPSHOTS_KEEP }
    }
}
