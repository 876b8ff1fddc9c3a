//! Reads commands back, also while the writer goes on.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;

use super::cursor::{Cursor, Step};
use super::{LogError, Options, segment};
use crate::storage::Storage;

/// One command of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub seq: Seq,
    pub epoch: Epoch,
    pub at: Timestamp,
    pub command: Command,
}

/// A place in the log. Takes no lock.
pub struct Reader {
    cursor: Cursor,
    from: Seq,
}

impl Reader {
    /// Stands before `from`. [`LogError::Gone`] when the log begins later; a sequence not written yet is fine.
    pub fn open(storage: Arc<dyn Storage>, options: &Options, from: Seq) -> Result<Reader, LogError> {
        let segments = segment::list(&*storage)?;
        let Some(first) = segments.iter().rev().find(|first| **first <= from) else {
            return Err(LogError::Gone { wanted: from.0, first: segments.first().map_or(0, |first| first.0) });
        };
        Ok(Reader { cursor: Cursor::open(storage, &options.shard, *first)?, from })
    }

    /// The sequence that comes next.
    pub fn position(&self) -> Seq {
        self.from.max(self.cursor.next)
    }

    /// The next command that is on the disk, durable or not; none at the end. For looking at logs.
    pub fn next_written(&mut self) -> Result<Option<Entry>, LogError> {
        loop {
            match self.cursor.advance()? {
                Step::Command(raw) if raw.header.seq < self.from => {}
                Step::Command(raw) => return self.cursor.entry(&raw).map(Some),
                Step::End(_) => return Ok(None),
            }
        }
    }

    /// The next command, none when it comes after `until`, which the caller knows to be durable.
    #[inline]
    pub fn next(&mut self, until: Seq) -> Result<Option<Entry>, LogError> {
        while self.position() <= until {
            match self.cursor.advance()? {
                Step::Command(raw) if raw.header.seq < self.from => {}
                Step::Command(raw) => return self.cursor.entry(&raw).map(Some),
                Step::End(tail) => {
                    return Err(LogError::Damaged {
                        file: self.cursor.segment.label.clone(),
                        offset: tail.offset,
                        seq: self.cursor.next.0,
                        why: format!("the log ends there, though sequence {} was durable", until.0),
                    });
                }
            }
        }
        Ok(None)
    }
}
