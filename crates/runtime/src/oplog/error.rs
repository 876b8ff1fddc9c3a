//! What can go wrong with the log.

use std::io;
use std::sync::Arc;

/// Every message names the file, and where it helps also what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// Nothing was appended; not fatal. Free some disk and call [`super::Writer::try_reserve`].
    #[error("the log has no room: its segment is full and the disk has no room for the next")]
    Full,
    /// The command is beyond the bounds of its form; nothing was appended.
    #[error("the command cannot be logged: {0}")]
    Malformed(allin_wire::oplog::EncodeError),
    /// A write or sync failed. What the disk holds is unknown, so the writer takes nothing any more: stop the process and
    /// start it again, which reads back what is really there.
    #[error("cannot {doing} {file}: {source}; the log takes nothing more, restart to find out what is on the disk")]
    Fatal { doing: &'static str, file: String, source: Arc<io::Error> },
    /// Reading, listing or preparing files failed.
    #[error("cannot {doing} {file}: {source}")]
    Io { doing: &'static str, file: String, source: Arc<io::Error> },
    #[error("{file} is locked: another process writes this log")]
    Locked { file: String },
    /// Acknowledged data is damaged. Nothing is skipped and nothing is cut.
    #[error(
        "{file} is damaged at offset {offset}, where sequence {seq} is expected: {why}; restore the file from a replica or a \
         backup, or start from a copy of the data directory that verifies (allin log verify)"
    )]
    Damaged { file: String, offset: u64, seq: u64, why: String },
    /// Files that do not belong together or are of another kind.
    #[error("{file}: {why}")]
    Unfit { file: String, why: String },
    /// A log on other machines did not do what it was asked.
    #[error("cannot {doing} {log}: {why}")]
    Remote { doing: &'static str, log: String, why: String },
    /// Another leader has begun a higher epoch. What was not acknowledged is void, or was taken over: the next leader's log
    /// says which.
    #[error("epoch {by} was begun by another leader: epoch {epoch} is over, and with it this leader")]
    Deposed { epoch: u32, by: u32 },
    #[error(
        "the log begins at sequence {first}, but sequence {wanted} is needed, and no snapshot that can be used makes up for \
         what was trimmed: copy the files of snapshots/ from the data folder of another machine of the shard, or from a backup"
    )]
    Gone { wanted: u64, first: u64 },
}

impl LogError {
    pub(crate) fn io(doing: &'static str, file: impl Into<String>, source: io::Error) -> LogError {
        LogError::Io { doing, file: file.into(), source: Arc::new(source) }
    }

    pub(crate) fn fatal(doing: &'static str, file: impl Into<String>, source: io::Error) -> LogError {
        LogError::Fatal { doing, file: file.into(), source: Arc::new(source) }
    }
}
